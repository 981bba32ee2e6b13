using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>An invariant was broken.</summary>
internal sealed class BreachException(string what) : Exception(what);

/// <summary>
/// The time that a device is in a conversation, from the epoch in which it joins until it loses its state, leaves or is
/// removed.
/// </summary>
internal sealed class Stint(string device, string convoId)
{
    public string Device => device;
    public string ConvoId => convoId;

    /// <summary>The epoch in which the device has joined; null while it is about to join.</summary>
    public ulong? JoinedIn { get; set; }
    public ulong Epoch { get; set; }

    /// <summary>The place in the log up to which the device has taken all entries.</summary>
    public long Seen { get; set; }
    public bool Ended { get; set; }
}

/// <summary>
/// Records what every device sent, was told and saw, and finds contradictions at once: two secrets in one epoch; a
/// message that is lost, changed, out of place or recorded twice; an epoch that two commits begin; a device with two
/// leaves; a message that is told to a device which is no longer in the conversation. A device is named by its
/// credential identity.
/// </summary>
internal sealed class Ledger : IDisposable
{
    private const int Kept = 200;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Room> _rooms = [];
    private readonly CancellationTokenSource _broken = new();

    /// <summary>The first invariant that was broken, and in which conversation; null if none was.</summary>
    public string? Breach { get; private set; }

    /// <summary>Cancelled when the first invariant is broken.</summary>
    public CancellationToken Broken => _broken.Token;

    public int Messages { get; private set; }
    public int Deliveries { get; private set; }
    public int Compared { get; private set; }

    /// <summary>How many messages and epochs the ledger still has in memory.</summary>
    public int Remembered
    {
        get
        {
            lock (_lock)
                return _rooms.Values.Sum(room => room.ByText.Count + room.Epochs.Count);
        }
    }

    /// <summary>
    /// Takes up a conversation of an earlier run. The messages in its log up to <paramref name="seq"/> are not known.
    /// </summary>
    public void Resume(string convoId, long seq)
    {
        lock (_lock)
            RoomOf(convoId).Forgotten = seq;
    }

    /// <summary>
    /// A device without a state is about to join a conversation. A stint that it had there before has ended.
    /// </summary>
    public Stint Begin(string device, string convoId)
    {
        lock (_lock)
        {
            RoomOf(convoId).Out.Remove(device);
            return Begin(RoomOf(convoId), device);
        }
    }

    /// <summary>
    /// A device has left, or was removed or banned. Until its next stint begins it must not be told any message that is
    /// sent from now on.
    /// </summary>
    public void Out(string device, string convoId)
    {
        lock (_lock)
        {
            var room = RoomOf(convoId);
            room.Out[device] = room.Sent;
            if (room.Stints.Remove(device, out var stint))
                stint.Ended = true;
        }
    }

    /// <summary>
    /// Another device of an account that has left rejoins. By it the account is a member again, and so is the leaf of
    /// the device that has left.
    /// </summary>
    public void Back(string device, string convoId)
    {
        lock (_lock)
            RoomOf(convoId).Out.Remove(device);
    }

    /// <summary>The device has joined, and can read the messages of this epoch and of later ones.</summary>
    public void Joined(Stint stint, ulong epoch)
    {
        lock (_lock)
            stint.JoinedIn = epoch;
    }

    /// <summary>
    /// The stint of a device in a conversation; a new one if a Welcome has begun it without the fleet's knowing.
    /// </summary>
    public Stint Current(string device, string convoId)
    {
        lock (_lock)
            return RoomOf(convoId).Stints.GetValueOrDefault(device) ?? Begin(RoomOf(convoId), device);
    }

    public void End(string device, string convoId)
    {
        lock (_lock)
        {
            if (RoomOf(convoId).Stints.Remove(device, out var stint))
                stint.Ended = true;
        }
    }

    /// <summary>A device is about to send a message, which is known by its text.</summary>
    public void Sending(Stint sender, string text)
    {
        lock (_lock)
            RoomOf(sender.ConvoId).Sending(text, sender);
    }

    /// <summary>The service has accepted a message.</summary>
    public void Accepted(Stint sender, string text, Recorded recorded)
    {
        lock (_lock)
        {
            Messages++;
            if (RoomOf(sender.ConvoId).ByText.TryGetValue(text, out var message))
                Place(RoomOf(sender.ConvoId), message, recorded.Seq, recorded.Epoch);
        }
    }

    /// <summary>The service has refused a message, so that no device may be told it.</summary>
    public void Refused(Stint sender, string text)
    {
        lock (_lock)
        {
            if (RoomOf(sender.ConvoId).ByText.Remove(text, out var message) && message.Seq is not null)
                throw Broke(sender.ConvoId, $"'{text}' was refused and yet delivered");
        }
    }

    /// <summary>A device was told a message.</summary>
    public void Told(string device, IncomingMessage incoming, string text)
    {
        lock (_lock)
        {
            var room = RoomOf(incoming.ConversationId);
            if (incoming.Seq <= room.Forgotten)
                return;
            if (!room.ByText.TryGetValue(text, out var message))
                throw Broke(room.Id, $"{device} was told '{text}' at {incoming.Seq}, which nobody sent here");
            if (
                incoming.Sender is { } sender
                && System.Text.Encoding.UTF8.GetString(sender.Span) is var name
                && name != message.Sender.Device
            )
                throw Broke(room.Id, $"{device} was told '{text}' as sent by {name}");
            if (room.Out.TryGetValue(device, out long from) && message.Number > from)
                throw Broke(room.Id, $"{device} was told '{text}' at {incoming.Seq}, which was sent after it had gone");
            Deliveries++;
            message.Told.Add(room.Stints.GetValueOrDefault(device) ?? Begin(room, device));
            Place(room, message, incoming.Seq, incoming.Epoch);
        }
    }

    /// <summary>The service has accepted a commit, which begins an epoch.</summary>
    public void Committed(string device, string convoId, ulong epoch)
    {
        lock (_lock)
        {
            var room = RoomOf(convoId);
            if (!room.Committers.TryAdd(epoch, device))
                throw Broke(convoId, $"epoch {epoch} was begun by {room.Committers[epoch]} and by {device}");
            room.Acknowledged = Math.Max(room.Acknowledged, epoch);
        }
    }

    /// <summary>The last epoch of a conversation whose commit the service has acknowledged.</summary>
    public ulong Acknowledged(string convoId)
    {
        lock (_lock)
            return RoomOf(convoId).Acknowledged;
    }

    /// <summary>
    /// Compares the state that a device has of a conversation with the states of other devices in the same epoch, and
    /// checks that the device was told all messages that it had to be told.
    /// </summary>
    public void Saw(Stint stint, ConversationView view)
    {
        lock (_lock)
        {
            if (stint.Ended)
                return;
            var room = RoomOf(stint.ConvoId);
            if (view.Epoch < stint.Epoch)
                throw Broke(room.Id, $"{stint.Device} went back from epoch {stint.Epoch} to {view.Epoch}");
            stint.Epoch = view.Epoch;
            List<string> members =
            [
                .. view.Members.Select(identity => System.Text.Encoding.UTF8.GetString(identity.Span)),
            ];
            if (members.GroupBy(name => name).FirstOrDefault(leaves => leaves.Count() > 1) is { } two)
                throw Broke(room.Id, $"{two.Key} has {two.Count()} leaves in epoch {view.Epoch}");
            if (!members.Contains(stint.Device))
                throw Broke(room.Id, $"{stint.Device} has no leaf of its own in epoch {view.Epoch}");
            Compared++;
            if (
                !room.Epochs.TryAdd(view.Epoch, (view.EpochAuthenticator, members, stint.Device))
                && room.Epochs[view.Epoch] is var other
                && !(
                    other.Authenticator.AsSpan().SequenceEqual(view.EpochAuthenticator)
                    && other.Members.SequenceEqual(members)
                )
            )
                throw Broke(room.Id, $"{stint.Device} and {other.Device} have different secrets in epoch {view.Epoch}");
            if (stint.JoinedIn is null)
                return;
            for (long seq = Math.Max(stint.Seen, room.Forgotten) + 1; seq <= view.Seq; seq++)
                if (room.BySeq.TryGetValue(seq, out var message))
                    MustHaveBeenTold(room, message, stint);
            stint.Seen = Math.Max(stint.Seen, view.Seq);
            Forget(room);
        }
    }

    /// <summary>Records that an invariant is broken. The first time ends the run.</summary>
    public BreachException Broke(string convoId, string what)
    {
        lock (_lock)
        {
            Breach ??= $"{convoId}: {what}";
            _broken.Cancel();
            return new(Breach);
        }
    }

    /// <summary>
    /// Records the place that a message has in the log, which may become known only after devices have gone past it.
    /// </summary>
    private void Place(Room room, Message message, long seq, ulong epoch)
    {
        if (message.Seq is { } known && known != seq)
            throw Broke(room.Id, $"'{message.Text}' is in the log at {known} and at {seq}");
        if (message.Seq is not null)
            return;
        (message.Seq, message.Epoch) = (seq, epoch);
        if (!room.BySeq.TryAdd(seq, message))
            throw Broke(room.Id, $"'{message.Text}' and '{room.BySeq[seq].Text}' are both at {seq}");
        foreach (var stint in room.Stints.Values)
            if (stint.Seen >= seq)
                MustHaveBeenTold(room, message, stint);
    }

    private void MustHaveBeenTold(Room room, Message message, Stint stint)
    {
        if (
            stint.JoinedIn is { } joined
            && message.Epoch >= joined
            && message.Sender != stint
            && !message.Told.Contains(stint)
        )
            throw Broke(
                room.Id,
                $"'{message.Text}' at {message.Seq} in epoch {message.Epoch} was lost for {stint.Device}, "
                    + $"who joined in epoch {joined} and has taken all up to {stint.Seen}"
            );
    }

    /// <summary>
    /// Forgets the messages and epochs that all devices have gone past long ago, so that the memory does not grow with
    /// the length of the run.
    /// </summary>
    private static void Forget(Room room)
    {
        long all = room.Stints.Values.Min(stint => stint.JoinedIn is null ? 0 : stint.Seen) - Kept;
        for (; room.Forgotten < all; room.Forgotten++)
            if (room.BySeq.Remove(room.Forgotten + 1, out var message))
                room.ByText.Remove(message.Text);
        ulong oldest = room.Stints.Values.Min(stint => stint.JoinedIn is null ? 0 : stint.Epoch);
        for (; room.OldestEpoch < oldest; room.OldestEpoch++)
        {
            room.Epochs.Remove(room.OldestEpoch);
            room.Committers.Remove(room.OldestEpoch);
        }
    }

    private static Stint Begin(Room room, string device)
    {
        if (room.Stints.Remove(device, out var before))
            before.Ended = true;
        return room.Stints[device] = new(device, room.Id);
    }

    public void Dispose() => _broken.Dispose();

    private Room RoomOf(string convoId) =>
        _rooms.TryGetValue(convoId, out var room) ? room : _rooms[convoId] = new(convoId);

    private sealed class Message(string text, Stint sender, long number)
    {
        public string Text => text;

        /// <summary>The number of the message among those that were sent in the conversation, from 1.</summary>
        public long Number => number;
        public Stint Sender => sender;
        public long? Seq { get; set; }
        public ulong Epoch { get; set; }
        public HashSet<Stint> Told { get; } = [];
    }

    private sealed class Room(string id)
    {
        public string Id => id;
        public Dictionary<string, Stint> Stints { get; } = [];
        public Dictionary<ulong, (byte[] Authenticator, List<string> Members, string Device)> Epochs { get; } = [];
        public Dictionary<ulong, string> Committers { get; } = [];
        public Dictionary<string, Message> ByText { get; } = [];
        public Dictionary<long, Message> BySeq { get; } = [];

        /// <summary>
        /// The devices that are out of the conversation, each with the number of the last message that was sent before.
        /// </summary>
        public Dictionary<string, long> Out { get; } = [];
        public long Sent { get; private set; }
        public ulong Acknowledged { get; set; }
        public ulong OldestEpoch { get; set; }
        public long Forgotten { get; set; }

        public void Sending(string text, Stint sender) => ByText.Add(text, new(text, sender, ++Sent));
    }
}
