using System.Collections.Concurrent;
using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>
/// All accounts with their devices, the conversations that they are in, and what the fleet knows of them.
/// </summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Room> _rooms = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop;
    private readonly Lock _door = new();

    public Crowd(Options options, Uri url, CancellationToken stop)
    {
        (Options, Url) = (options, url);
        Keepsakes = options.Keep is { } folder ? new(folder) : null;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop, Ledger.Broken);
    }

    public Options Options { get; }
    public Uri Url { get; }

    /// <summary>Where accounts and stores are kept for the next run; null where they are not kept.</summary>
    public Keepsakes? Keepsakes { get; }
    public Ledger Ledger { get; } = new();
    public Statistics Statistics { get; } = new();
    public List<Account> Accounts { get; } = [];
    public List<Device> Devices { get; } = [];
    public ICollection<Room> Rooms => _rooms.Values;

    /// <summary>What the fleet is doing at this moment, for people who look on.</summary>
    public string Stage { get; set; } = "starting";

    /// <summary>Cancelled when the run ends, which the user or a breach of an invariant brings about.</summary>
    public CancellationToken Stop => _stop.Token;

    public Weather Weather { get; } = new();
    public ConcurrentDictionary<Mishap, int> Mishaps { get; } = [];

    /// <summary>Makes the network from a device to the service.</summary>
    public HttpMessageHandler Network(Account account, int device)
    {
        var good = new SocketsHttpHandler();
        return Options.Scenario == "chaos"
            ? new BadNetwork(
                good,
                Weather,
                Decisions.Seeded(Options.Seed, 10_000 + device),
                account.Key.Tokens(),
                Options.ServiceDid,
                mishap => Mishaps.AddOrUpdate(mishap, 1, (_, count) => count + 1)
            )
            : good;
    }

    public void Add(Room room) => _rooms[room.ConvoId] = room;

    public Room? RoomOf(string convoId) => _rooms.GetValueOrDefault(convoId);

    public Device Enter(Account account)
    {
        var device = new Device(
            this,
            account,
            Devices.Count,
            account.Devices.Count == 0 ? "phone" : $"device-{account.Devices.Count + 1}"
        );
        account.Devices.Add(device);
        Devices.Add(device);
        return device;
    }

    public Account NewAccount()
    {
        var account = new Account(Accounts.Count, Keepsakes?.KeyOf(Accounts.Count) ?? AccountKey.CreateP256());
        Accounts.Add(account);
        return account;
    }

    /// <summary>
    /// Sets the place of an account that is about to leave a conversation, or to be removed or banned. False if it must
    /// stay: only one account may be out of a conversation at a time, and two others must be in it, so that no
    /// conversation loses all its members.
    /// </summary>
    public bool TryGoOut(Room room, Account account, Place place)
    {
        lock (_door)
        {
            if (
                Devices.Exists(device =>
                    device.Places.GetValueOrDefault(room) is Place.Left or Place.Removed or Place.Banned
                ) || !account.Devices.TrueForAll(device => device.IsIn(room))
            )
                return false;
            if (Accounts.Count(other => other != account && other.Devices.Exists(device => device.IsIn(room))) < 2)
                return false;
            foreach (var device in account.Devices)
                device.Places[room] = place;
            return true;
        }
    }

    /// <summary>
    /// Enrols the devices and creates the conversations, each with some of the accounts. Every fourth account has a
    /// second device.
    /// </summary>
    public async Task Gather()
    {
        Stage = "devices enrol";
        while (Devices.Count < Options.Devices)
        {
            var account = NewAccount();
            Enter(account);
            if (account.Number % 4 == 3 && Devices.Count < Options.Devices)
                Enter(account);
        }
        await Parallel.ForEachAsync(
            Devices,
            Stop,
            async (device, stop) => await (Keepsakes is null ? device.Start(stop) : device.Resume(Keepsakes, stop))
        );
        Stage = "conversations are created";
        var random = Decisions.Seeded(Options.Seed, -1);
        for (int i = 0; i < Options.Groups; i++)
        {
            var chosen = new List<Account>();
            foreach (var account in Shuffled(random))
                if (chosen.Sum(one => one.Devices.Count) + account.Devices.Count <= Options.Members)
                    chosen.Add(account);
            var creator = chosen[0].Devices[0];
            if (Keepsakes is not null && await creator.Find(i, Stop) is { } room)
                await Parallel.ForEachAsync(
                    chosen.SelectMany(static account => account.Devices),
                    Stop,
                    async (device, stop) => await device.Resume(room, stop)
                );
            else
                await creator.Create([.. chosen.Skip(1)], i, Stop);
        }
        await Parallel.ForEachAsync(Devices, Stop, async (device, stop) => await device.AcceptWelcomes(stop));
        // Where external commits are off, a member who listens adds the devices that ask.
        foreach (var device in Devices)
            device.Listen();
        // The creator of a conversation has added the devices of other accounts, but not its own account's other
        // device.
        await Parallel.ForEachAsync(
            Rooms,
            Stop,
            async (room, stop) =>
            {
                foreach (var device in Devices.Where(device => device.In.Contains(room)).ToList())
                foreach (var other in device.Account.Devices)
                    if (other.Places.TryAdd(room, Place.Lost))
                        await other.Rejoin(room, stop);
            }
        );
        foreach (var device in Devices)
        foreach (var room in device.In.ToList())
            await device.Sync(room, Stop);
        Statistics.Restart();
    }

    private Account[] Shuffled(Random random)
    {
        Account[] accounts = [.. Accounts];
        random.Shuffle(accounts);
        return accounts;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(Devices.Select(device => device.DisposeAsync().AsTask()));
        foreach (var account in Accounts)
            account.Key.Dispose();
        _stop.Dispose();
        Ledger.Dispose();
        Keepsakes?.Dispose();
    }
}
