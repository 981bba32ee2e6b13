using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.Fleet;

/// <summary>A conversation, numbered in the order in which the fleet creates them.</summary>
internal sealed record Room(string ConvoId, int Number);

/// <summary>The place that a device has in a conversation.</summary>
internal enum Place
{
    Out,
    In,
    Lost,
    Left,
    Removed,
    Banned,
}

/// <summary>An account. Its key remains when its devices lose their stores.</summary>
internal sealed class Account(int number, AccountKey key)
{
    public int Number => number;
    public AccountKey Key => key;
    public string Did => Key.DidKey;
    public List<Device> Devices { get; } = [];
}

/// <summary>
/// A device with the real client, and what the fleet knows of it. The methods that change its place in a conversation
/// are called by the holder of <see cref="Gate"/>.
/// </summary>
internal sealed class Device(Crowd crowd, Account account, int number, string deviceId) : IAsyncDisposable
{
    /// <summary>The client reports a rejoin to the service within this time.</summary>
    public static readonly TimeSpan ReportDelay = TimeSpan.FromSeconds(1);
    private const int Tries = 20;
    private readonly Dictionary<string, Queue<DateTimeOffset>> _rejoins = [];
    private CancellationTokenSource? _listening;
    private Task _heard = Task.CompletedTask;
    private Wire? _wire;
    private bool _enrolled;
    private int _said;

    public Account Account => account;
    public int Number => number;
    public string Identity { get; } = $"{account.Did}#{deviceId}";
    public string Name => $"device {number}";
    public SemaphoreSlim Gate { get; } = new(1);
    public MlsClient? Client { get; private set; }

    /// <summary>The conversations that the device has created, of which it is therefore an admin.</summary>
    public HashSet<Room> Created { get; } = [];
    public ConcurrentDictionary<Room, Place> Places { get; } = [];
    public IEnumerable<Room> In => Places.Where(place => place.Value == Place.In).Select(place => place.Key);

    /// <summary>Whether the device is in a conversation. Other devices call this method too.</summary>
    public bool IsIn(Room room) => Places.GetValueOrDefault(room) == Place.In;

    private Ledger Ledger => crowd.Ledger;
    private ConversationManager Conversations => Client!.Conversations;

    /// <summary>
    /// Starts the client on its store, which may be empty. A conversation that the client recovers counts as a rejoin.
    /// </summary>
    public async Task Start(CancellationToken stop)
    {
        _enrolled = false;
        if (Client is null)
            Open();
        using var spoiled = _wire!.Begin(crowd.Options.Break);
        foreach (var recovery in await Client!.StartAsync(stop))
        {
            if (crowd.RoomOf(recovery.ConversationId) is not { } room)
            {
                // This conversation is of an earlier run, and the fleet has not found it yet.
                if (recovery.Rejoin is { Joined: true })
                    Count(recovery.ConversationId);
                continue;
            }
            if (recovery.Rejoin is { Joined: true } rejoin)
                await Arrived(room, rejoin, turn: null, stop);
            else if (recovery.Failure is { Error: not ClientErrors.Unreachable } failure)
                crowd.Statistics.RejoinFailed(failure.Error);
            // Otherwise the device tries again when a later decision is about this conversation.
        }
        _enrolled = true;
    }

    /// <summary>
    /// Starts the client on the store that an earlier run has kept. If the service does not know the device, because
    /// its database is a new one, the store is deleted and the device starts with an empty one.
    /// </summary>
    public async Task Resume(Keepsakes keepsakes, CancellationToken stop)
    {
        foreach (var (convoId, at) in keepsakes.RejoinsOf(number))
            Recent(convoId).Enqueue(at);
        try
        {
            await Start(stop);
        }
        catch (MlsClientException unknown) when (unknown.Error == "Unauthorized")
        {
            await Client!.DisposeAsync();
            keepsakes.Delete(number);
            Open();
            await Start(stop);
        }
    }

    /// <summary>Looks for a conversation that this device has created in an earlier run.</summary>
    public async Task<Room?> Find(int roomNumber, CancellationToken stop)
    {
        string? cursor = null;
        do
        {
            var page = await Client!.Call(
                Lexicons.GetConvos,
                new GetConvosParameters { Cursor = cursor, Limit = 100 },
                stop
            );
            cursor = page.Cursor;
            if (
                page.Convos.FirstOrDefault(one =>
                    one.Metadata == NameOf(roomNumber)
                    && one.Members.Any(member => member.Did == account.Did && member.IsAdmin)
                )
                is not { } convo
            )
                continue;
            var room = new Room(convo.ConvoId, roomNumber);
            crowd.Add(room);
            Created.Add(room);
            // The ledger of this run does not know the messages of earlier runs.
            var log = await Client.Call(
                Lexicons.GetMessages,
                new GetMessagesParameters { ConvoId = room.ConvoId, Limit = 1 },
                stop
            );
            Ledger.Resume(room.ConvoId, log.LastSeq);
            return room;
        } while (cursor is not null);
        return null;
    }

    /// <summary>
    /// Sets the place that the device has in a conversation of an earlier run, according to the service and the store.
    /// </summary>
    public async Task Resume(Room room, CancellationToken stop)
    {
        var expected = (
            await Client!.Call(
                Lexicons.GetExpectedConversations,
                new GetExpectedConversationsParameters { DeviceId = deviceId },
                stop
            )
        ).Conversations.FirstOrDefault(one => one.ConvoId == room.ConvoId);
        var view = await Conversations.ViewAsync(room.ConvoId, stop);
        // A device that must not be in the group counts as banned, also if it was removed or has left: then an admin
        // unbans it and adds it again.
        Places[room] =
            expected is not { ShouldBeInGroup: true } ? Place.Banned
            : expected.DeviceInGroup && view is not null ? Place.In
            : Place.Lost;
        if (IsIn(room))
            Ledger.Joined(Ledger.Begin(Identity, room.ConvoId), view!.Epoch);
    }

    private static string NameOf(int roomNumber) => $"fleet {roomNumber}";

    /// <summary>Begins to listen to the service's events.</summary>
    public void Listen()
    {
        if (_listening is not null)
            return;
        var listening = _listening = CancellationTokenSource.CreateLinkedTokenSource(crowd.Stop);
        _heard = Task.Run(() => Hear(listening.Token), CancellationToken.None);
    }

    /// <summary>Stops to listen to events. The device can take what it misses from the service's logs later.</summary>
    public async Task Deafen()
    {
        if (_listening is not { } listening)
            return;
        _listening = null;
        await listening.CancelAsync();
        await _heard;
        listening.Dispose();
    }

    private async Task Hear(CancellationToken stop)
    {
        try
        {
            await foreach (var one in Client!.Events.FollowAsync(stop))
            {
                if (one.Failure is { } failure && !Harmless.Of(failure))
                    throw Ledger.Broke(failure.Method ?? "events", $"{Name} could not follow: {failure.Message}");
                if (one.Sync is { } sync)
                    await Took(crowd.RoomOf(sync.ConversationId), sync, stop);
            }
        }
        catch (Exception) when (stop.IsCancellationRequested || Ledger.Broken.IsCancellationRequested)
        {
            // The device was told to stop listening, or the run has ended.
        }
        catch (Exception exception)
        {
            Ledger.Broke("events", $"{Name} stopped hearing: {exception}");
        }
    }

    private async Task Took(Room? room, SyncResult sync, CancellationToken stop)
    {
        if (room is null)
            return;
        if (sync.Rejoin is { Joined: true } rejoin)
        {
            // The client had lost the group and has rejoined it. The messages of the time between cannot be decrypted.
            crowd.Statistics.Refused(ClientErrors.Desynchronised);
            Ledger.Joined(Ledger.Current(Identity, room.ConvoId), rejoin.Epoch);
            crowd.Statistics.Rejoined(rejoin, rejoin.Elapsed, turn: null, _wire!.IsSwitchedOff);
        }
        await Look(room, stop);
    }

    /// <summary>Compares the device's state of a conversation with that of all other devices.</summary>
    public async Task<ConversationView?> Look(Room room, CancellationToken stop)
    {
        var stint = Ledger.Current(Identity, room.ConvoId);
        var view = await Conversations.ViewAsync(room.ConvoId, stop);
        if (view is not null)
            Ledger.Saw(stint, view);
        return view;
    }

    /// <summary>Takes all messages of a conversation that wait in the service's log.</summary>
    public async Task Sync(Room room, CancellationToken stop) =>
        await Took(room, await Conversations.SyncAsync(room.ConvoId, stop), stop);

    /// <summary>Creates a conversation with all devices of the other accounts, which join by their Welcomes.</summary>
    public async Task<Room> Create(IReadOnlyList<Account> others, int roomNumber, CancellationToken stop)
    {
        string id = await Conversations.CreateAsync(NameOf(roomNumber), stop);
        var room = new Room(id, roomNumber);
        crowd.Add(room);
        Ledger.Joined(Ledger.Begin(Identity, id), 0);
        Places[room] = Place.In;
        Created.Add(room);
        foreach (var some in others.Chunk(50))
            Ledger.Committed(
                Identity,
                id,
                (await Conversations.AddMembersAsync(id, [.. some.Select(account => account.Did)], stop)).Epoch
            );
        foreach (var device in others.SelectMany(account => account.Devices))
            device.Places[room] = Place.Out;
        await Look(room, stop);
        return room;
    }

    /// <summary>Joins all conversations whose Welcomes wait for the device.</summary>
    public async Task AcceptWelcomes(CancellationToken stop)
    {
        foreach (var room in Places.Where(place => place.Value == Place.Out).Select(place => place.Key).ToList())
            Ledger.Begin(Identity, room.ConvoId);
        foreach (string id in await Conversations.AcceptWelcomesAsync(stop))
        {
            if (crowd.RoomOf(id) is not { } room || await Conversations.ViewAsync(id, stop) is not { } view)
                continue;
            Ledger.Joined(Ledger.Current(Identity, id), view.Epoch);
            Places[room] = Place.In;
            await Look(room, stop);
        }
    }

    public async Task Say(Room room, CancellationToken stop)
    {
        var stint = Ledger.Current(Identity, room.ConvoId);
        string text = $"{Name} says {++_said}";
        Ledger.Sending(stint, text);
        try
        {
            Ledger.Accepted(
                stint,
                text,
                await Conversations.SendAsync(room.ConvoId, Encoding.UTF8.GetBytes(text), stop)
            );
        }
        catch (MlsClientException refused) when (refused.Status is > 0 and < 500)
        {
            Ledger.Refused(stint, text);
            throw;
        }
        await Look(room, stop);
    }

    public async Task Update(Room room, CancellationToken stop)
    {
        Ledger.Committed(Identity, room.ConvoId, (await Conversations.UpdateAsync(room.ConvoId, stop)).Epoch);
        await Look(room, stop);
    }

    /// <summary>All devices of the account leave a conversation. They come back by a rejoin.</summary>
    public async Task Leave(Room room, CancellationToken stop)
    {
        try
        {
            await UntilAnswered(() => Conversations.LeaveAsync(room.ConvoId, stop), stop);
        }
        catch (MlsClientException refused)
        {
            // Without an answer the account may have left or not. In both cases a rejoin brings it back.
            foreach (var device in account.Devices)
                device.Places[room] = refused.Error == ClientErrors.Unreachable ? Place.Lost : Place.In;
            throw;
        }
        foreach (var device in account.Devices)
            Ledger.Out(device.Identity, room.ConvoId);
    }

    /// <summary>
    /// Removes another account, which has one device, from a conversation and adds the account again; its device joins
    /// by its Welcome.
    /// </summary>
    public async Task Remove(Room room, Device target, CancellationToken stop)
    {
        if (
            await Change(
                room,
                target,
                isMember: false,
                () => Conversations.RemoveMemberAsync(room.ConvoId, target.Account.Did, stop),
                stop
            )
        )
        {
            Ledger.Out(target.Identity, room.ConvoId);
            await LetIn(room, target, stop);
        }
        else
            target.Places[room] = Place.In;
    }

    /// <summary>
    /// Bans another account, which has one device, from a conversation, checks that the device cannot rejoin and that
    /// its leaf is removed, and lets the account in again.
    /// </summary>
    public async Task Ban(Room room, Device target, CancellationToken stop)
    {
        try
        {
            await UntilAnswered(
                () => Conversations.BanMemberAsync(room.ConvoId, target.Account.Did, cancellation: stop),
                stop
            );
        }
        catch (MlsClientException refused) when (refused.Error != ClientErrors.Unreachable)
        {
            target.Places[room] = Place.In;
            throw;
        }
        Ledger.Out(target.Identity, room.ConvoId);
        await target.IsKeptOut(room, stop);
        await LosesLeaf(room, target, stop);
        await LetIn(room, target, stop);
    }

    /// <summary>Makes an account that was removed or banned a member again; its device joins by its Welcome.</summary>
    public async Task LetIn(Room room, Device target, CancellationToken stop)
    {
        // Before the answer to the unban: from its commit on the service may tell the account what is sent.
        Ledger.Begin(target.Identity, room.ConvoId);
        if (target.Places[room] == Place.Banned)
            await UntilAnswered(
                () => Conversations.UnbanMemberAsync(room.ConvoId, target.Account.Did, cancellation: stop),
                stop
            );
        // Once the commit that adds the device is accepted, its client may find the Welcome by itself.
        target.Places[room] = Place.Removed;
        if (
            !await Change(
                room,
                target,
                isMember: true,
                () => Conversations.AddMembersAsync(room.ConvoId, [target.Account.Did], stop),
                stop
            )
        )
            return;
        target.Places[room] = Place.Lost;
        await target.Rejoin(room, stop);
    }

    private async Task IsKeptOut(Room room, CancellationToken stop)
    {
        Count(room.ConvoId);
        try
        {
            await UntilAnswered(() => Conversations.RejoinAsync(room.ConvoId, stop), stop);
        }
        catch (MlsClientException refused) when (refused.Error == "Unauthorized")
        {
            return;
        }
        throw Ledger.Broke(room.ConvoId, $"{Name} was banned, and was let in");
    }

    /// <summary>
    /// Waits until the leaf of a banned device is removed. The members who hear of the ban are asked to remove the
    /// leaf, or the service proposes the removal. If no member hears of it, the next commit of the admin must remove
    /// the leaf.
    /// </summary>
    private async Task LosesLeaf(Room room, Device target, CancellationToken stop)
    {
        for (int tries = 0; tries < 10; tries++)
        {
            await Sync(room, stop);
            if (await Look(room, stop) is { } view && !HasLeaf(view, target))
                return;
            await Task.Delay(500, stop);
        }
        await Update(room, stop);
        if (await Look(room, stop) is { } after && HasLeaf(after, target))
            throw Ledger.Broke(
                room.ConvoId,
                $"{target.Name} was banned, and has a leaf in epoch {after.Epoch}, which a member's commit began"
            );
    }

    private static bool HasLeaf(ConversationView view, Device device) =>
        view.Members.Any(identity => Encoding.UTF8.GetString(identity.Span) == device.Identity);

    /// <summary>Calls a method again as long as no answer comes.</summary>
    private async Task UntilAnswered(Func<Task> call, CancellationToken stop)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                await call();
                return;
            }
            catch (MlsClientException failure) when (failure.Error == ClientErrors.Unreachable && tries < 2 * Tries)
            {
                crowd.Statistics.Refused(failure.Error);
                await Task.Delay(500, stop);
            }
        }
    }

    /// <summary>
    /// Makes a commit. If no answer comes, the log tells whether the service has accepted the commit.
    /// </summary>
    /// <returns>Whether the target's membership is afterwards as <paramref name="isMember"/> says.</returns>
    private async Task<bool> Change(
        Room room,
        Device target,
        bool isMember,
        Func<Task<Recorded>> commit,
        CancellationToken stop
    )
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                Ledger.Committed(Identity, room.ConvoId, (await commit()).Epoch);
            }
            catch (MlsClientException failure) when (failure.Error == ClientErrors.Unreachable && tries < 2 * Tries)
            {
                crowd.Statistics.Refused(failure.Error);
                await Task.Delay(500, stop);
                // The next try first finds out whether the pending commit was accepted. If it was, there is nothing
                // left to do.
                continue;
            }
            catch (MlsClientException refused) when (Harmless.Of(refused))
            {
                if (refused.Error != ClientErrors.NothingToDo)
                    crowd.Statistics.Refused(refused.Error);
            }
            return await Look(room, stop) is { } view && isMember == HasLeaf(view, target);
        }
    }

    /// <summary>
    /// Tells the service which epoch the device is in, with a hash of the epoch authenticator. The service must not
    /// have got another hash of the same epoch.
    /// </summary>
    public async Task Acknowledge(Room room, CancellationToken stop)
    {
        if (await Look(room, stop) is not { } view)
            return;
        var answer = await Client!.Call(
            Lexicons.AcknowledgeEpoch,
            new()
            {
                ConvoId = room.ConvoId,
                DeviceId = deviceId,
                Epoch = (long)view.Epoch,
                AuthenticatorHash = Convert.ToBase64String(
                    System.Security.Cryptography.SHA256.HashData(view.EpochAuthenticator)
                ),
            },
            stop
        );
        if (!answer.Agreed)
            throw Ledger.Broke(room.ConvoId, $"the service has heard different secrets of epoch {view.Epoch}");
    }

    /// <summary>Loses the state of a conversation.</summary>
    public async Task LoseGroup(Room room, CancellationToken stop)
    {
        Places[room] = Place.Lost;
        Ledger.End(Identity, room.ConvoId);
        await Conversations.ForgetAsync(room.ConvoId, stop);
    }

    /// <summary>Loses everything but the account and the name of the device, and starts again.</summary>
    public async Task LoseStore()
    {
        bool listened = _listening is not null;
        await Deafen();
        foreach (var room in In.ToList())
        {
            Places[room] = Place.Lost;
            Ledger.End(Identity, room.ConvoId);
        }
        await Client!.DisposeAsync();
        crowd.Keepsakes?.Delete(number);
        Open();
        foreach (var room in Places.Where(place => place.Value == Place.Lost).Select(place => place.Key))
            Ledger.Begin(Identity, room.ConvoId);
        try
        {
            await Start(crowd.Stop);
        }
        finally
        {
            if (listened)
                Listen();
        }
    }

    /// <summary>Rejoins a conversation, and tries again while the service cannot be reached.</summary>
    /// <exception cref="MlsClientException">The service does not let the device in.</exception>
    public async Task Rejoin(Room room, CancellationToken stop)
    {
        if (!_enrolled)
            await Start(stop);
        if (Places[room] == Place.In)
            return;
        bool hadLeft = Places[room] == Place.Left;
        foreach (var device in account.Devices)
            Ledger.Back(device.Identity, room.ConvoId);
        Ledger.Begin(Identity, room.ConvoId);
        bool asked = false;
        using var spoiled = _wire!.Begin(crowd.Options.Break);
        for (int tries = 1; ; tries++)
        {
            long started = Stopwatch.GetTimestamp();
            try
            {
                var result = await Conversations.RejoinAsync(room.ConvoId, stop);
                if (!result.Joined)
                {
                    if (hadLeft)
                    {
                        AwaitAdmin(room);
                        return;
                    }
                    // A member was asked to add the device; the Welcome comes when a member has done so.
                    asked = true;
                    if (tries == Tries)
                        throw new MlsClientException(ClientErrors.RejoinFailed, $"No member has added {Name} again.");
                    await Task.Delay(500, stop);
                    continue;
                }
                if (asked && result.Way == RejoinWay.Welcome)
                    result = result with { Way = RejoinWay.Legacy };
                // Where many devices join the same conversation, the time in which a device waits for its turn is
                // counted separately.
                var turn =
                    crowd.Options.MeetInLine && _wire!.TurnIn(room.ConvoId) is { } given && given > started
                        ? Stopwatch.GetElapsedTime(started, given)
                        : (TimeSpan?)null;
                await Arrived(room, result, turn, stop);
                return;
            }
            catch (MlsClientException failure) when (failure.Error == ClientErrors.Unreachable && tries < Tries)
            {
                crowd.Statistics.Refused(failure.Error);
                await Task.Delay(500, stop);
            }
            catch (MlsClientException failure)
            {
                crowd.Statistics.RejoinFailed(failure.Error);
                throw;
            }
        }
    }

    /// <summary>
    /// Where external commits are off, an account that has left cannot come back by itself: members add no device of an
    /// account that has none in the group, because the service alone must not be able to let anybody in. So the account
    /// waits for an admin, as if it had been removed.
    /// </summary>
    private void AwaitAdmin(Room room)
    {
        foreach (var device in account.Devices)
            if (device.Places[room] == Place.Left)
                device.Places[room] = Place.Removed;
    }

    private async Task Arrived(Room room, RejoinResult result, TimeSpan? turn, CancellationToken stop)
    {
        crowd.Statistics.Rejoined(result, result.Elapsed, turn, _wire!.IsSwitchedOff);
        Count(room.ConvoId);
        Ledger.Joined(Ledger.Current(Identity, room.ConvoId), result.Epoch);
        if (result.Way == RejoinWay.ExternalCommit)
            Ledger.Committed(Identity, room.ConvoId, result.Epoch);
        Places[room] = Place.In;
        await Look(room, stop);
    }

    /// <summary>Whether the service's limit allows so many more rejoins of a conversation, with one to spare.</summary>
    public bool MayRejoin(Room room, int times = 1) =>
        Recent(room.ConvoId).Count + times < crowd.Options.RejoinsPerHour;

    private void Count(string convoId)
    {
        Recent(convoId).Enqueue(DateTimeOffset.UtcNow);
        crowd.Keepsakes?.Rejoined(number, convoId, DateTimeOffset.UtcNow);
    }

    private Queue<DateTimeOffset> Recent(string convoId)
    {
        if (!_rejoins.TryGetValue(convoId, out var times))
            times = _rejoins[convoId] = [];
        while (times.TryPeek(out var first) && first < DateTimeOffset.UtcNow.AddHours(-1))
            times.Dequeue();
        return times;
    }

    private void Open()
    {
        _wire = new(
            crowd.Network(account, number),
            crowd.Statistics,
            Decisions.Seeded(crowd.Options.Seed, 20_000 + number)
        );
        Client = new(
            new()
            {
                Service = crowd.Url,
                ServiceDid = crowd.Options.ServiceDid,
                Did = account.Did,
                DeviceId = deviceId,
                DeviceName = Name,
                Tokens = account.Key.Tokens(),
                KeyPackages = crowd.Options.KeyPackages,
                ListService = crowd.Options.Scenario != "storm" && account.Number % 2 == 1,
                RejoinsPerHour = crowd.Options.RejoinsPerHour,
                ReportDelay = ReportDelay,
                CreateHttpClient = () => new HttpClient(_wire) { Timeout = TimeSpan.FromSeconds(30) },
                Store = crowd.Keepsakes?.Open(number) ?? new MemoryStore(),
                OnMessage = (message, _) =>
                {
                    // A device may still be in conversations of an earlier run with other numbers of devices and
                    // groups.
                    if (crowd.RoomOf(message.ConversationId) is not null)
                        Ledger.Told(Identity, message, Encoding.UTF8.GetString(message.Data));
                    return default;
                },
            }
        );
    }

    public async ValueTask DisposeAsync()
    {
        await Deafen();
        if (Client is not null)
            await Client.DisposeAsync();
        Gate.Dispose();
    }
}

/// <summary>
/// The errors that may come from races between devices, and say nothing about the service's correctness.
/// </summary>
internal static class Harmless
{
    public static bool Of(MlsClientException refusal) =>
        refusal.Error
            is "EpochMismatch"
                or "LeavePending"
                or "RateLimitExceeded"
                or "TurnPending"
                or "LastMember"
                or "Unauthorized"
                or ClientErrors.NoState
                or ClientErrors.NothingToDo
                or ClientErrors.Unreachable
                or ClientErrors.RejoinLoop
                or ClientErrors.RejoinFailed;
}
