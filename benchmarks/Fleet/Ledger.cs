using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>Something that must never happen did.</summary>
internal sealed class BreachException(string what) : Exception(what);

/// <summary>One life of a device in a conversation: from the epoch that it joined in until it loses its state, leaves or is removed.</summary>
internal sealed class Stint(string device, string convoId)
{
    public string Device => device;
    public string ConvoId => convoId;

    /// <summary>Null while the device is on its way in.</summary>
    public ulong? JoinedIn { get; set; }
    public ulong Epoch { get; set; }

    /// <summary>All entries of the log up to here have been taken.</summary>
    public long Seen { get; set; }
    public bool Ended { get; set; }
}

/// <summary>
/// Knows what every device sent, was told and saw, and finds at once what contradicts: two secrets in one epoch, a message lost, changed, out of place or recorded twice,
/// one epoch begun by two commits, a device with two leaves, a message told to one who has gone. Names devices by their credential identity.
/// </summary>
internal sealed class Ledger : IDisposable
{
    private const int Kept = 200;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Room> _rooms = [];
    private readonly CancellationTokenSource _broken = new();

    /// <summary>What was broken first, and where.</summary>
    public string? Breach { get; private set; }

    /// <summary>Cancelled by the first breach.</summary>
    public CancellationToken Broken => _broken.Token;

    public int Messages { get; private set; }
    public int Deliveries { get; private set; }
    public int Compared { get; private set; }

    /// <summary>How much of the past is still kept.</summary>
    public int Remembered
    {
        get
        {
            lock (_lock)
                return _rooms.Values.Sum(room => room.ByText.Count + room.Epochs.Count);
        }
    }

    /// <summary>A conversation of an earlier run: what is in its log up to here is not known.</summary>
    public void Resume(string convoId, long seq)
    {
        lock (_lock)
            RoomOf(convoId).Forgotten = seq;
    }

    /// <summary>A device without state is on its way into a conversation; whatever it had there has ended.</summary>
    public Stint Begin(string device, string convoId)
    {
        lock (_lock)
        {
            RoomOf(convoId).Out.Remove(device);
            return Begin(RoomOf(convoId), device);
        }
    }

    /// <summary>A device has left, or was removed or banned: until it begins again it must be told nothing that is sent from now on.</summary>
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

    /// <summary>The account of a device that has left comes back by another one: the leaf that the device left is a member's again.</summary>
    public void Back(string device, string convoId)
    {
        lock (_lock)
            RoomOf(convoId).Out.Remove(device);
    }

    /// <summary>The device is in, and can read what is sent in this epoch and later ones.</summary>
    public void Joined(Stint stint, ulong epoch)
    {
        lock (_lock)
            stint.JoinedIn = epoch;
    }

    /// <summary>The device's life there, which a Welcome may have begun.</summary>
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

    /// <summary>A message is about to be sent. Its text is its name.</summary>
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

    /// <summary>The service has refused a message: nobody may be told it.</summary>
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

    /// <summary>A commit was accepted.</summary>
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

    /// <summary>The last epoch whose commit the service has acknowledged.</summary>
    public ulong Acknowledged(string convoId)
    {
        lock (_lock)
            return RoomOf(convoId).Acknowledged;
    }

    /// <summary>What a device has, compared with all others that were in its epoch; and whether it was told all that it should have been.</summary>
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

    /// <summary>The first breach ends the run.</summary>
    public BreachException Broke(string convoId, string what)
    {
        lock (_lock)
        {
            Breach ??= $"{convoId}: {what}";
            _broken.Cancel();
            return new(Breach);
        }
    }

    /// <summary>A message has its place in the log, which can become known late.</summary>
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
                $"'{message.Text}' at {message.Seq} in epoch {message.Epoch} was lost for {stint.Device}, who joined in epoch {joined} and has taken all up to {stint.Seen}"
            );
    }

    /// <summary>What everybody has gone past long ago, so that an endless run needs no endless memory.</summary>
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

        /// <summary>In the order in which messages were sent there, from 1.</summary>
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

        /// <summary>Devices that are gone, with the number of the last message that was sent before.</summary>
        public Dictionary<string, long> Out { get; } = [];
        public long Sent { get; private set; }
        public ulong Acknowledged { get; set; }
        public ulong OldestEpoch { get; set; }
        public long Forgotten { get; set; }

        public void Sending(string text, Stint sender) => ByText.Add(text, new(text, sender, ++Sent));
    }
}
