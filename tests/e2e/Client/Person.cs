using System.Security.Cryptography;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// An account with one device on this project's client. The account's key stays the same whatever happens to the
/// device.
/// </summary>
internal sealed class Person : IAsyncDisposable
{
    private readonly Uri _service;
    private readonly AccountKey _key;
    private readonly string _deviceId;
    private readonly Action<MlsClientOptions>? _configure;

    public Person(
        Uri service,
        string deviceId,
        AccountKey? key = null,
        MlsStore? store = null,
        Action<MlsClientOptions>? configure = null
    )
    {
        (_service, _deviceId, _key, _configure) = (service, deviceId, key ?? AccountKey.CreateP256(), configure);
        Client = Open(store ?? new MemoryStore());
    }

    public Uri Service => _service;
    public AccountKey Key => _key;
    public string Did => _key.DidKey;
    public string DeviceId => _deviceId;
    public Meddler Meddler { get; private set; } = null!;
    public MlsClient Client { get; private set; }
    public ConversationManager Conversations => Client.Conversations;

    /// <summary>Makes a person whose device is enrolled and has key packages.</summary>
    public static async Task<Person> Start(
        Uri service,
        string deviceId,
        AccountKey? key = null,
        MlsStore? store = null,
        Action<MlsClientOptions>? configure = null
    )
    {
        var person = new Person(service, deviceId, key, store, configure);
        await person.Client.StartAsync();
        return person;
    }

    /// <summary>
    /// Ends the program and starts it again with another store, which is empty for a device that lost everything.
    /// </summary>
    public async Task Restart(MlsStore? store = null)
    {
        await Client.DisposeAsync();
        Client = Open(store ?? new MemoryStore());
    }

    /// <summary>The epoch, and the hash of what only its members can know.</summary>
    public async Task<(ulong Epoch, string Authenticator)> Where(string convoId)
    {
        var view = await Conversations.ViewAsync(convoId);
        Assert.NotNull(view);
        return (view.Epoch, Convert.ToHexStringLower(SHA256.HashData(view.EpochAuthenticator)));
    }

    public ValueTask DisposeAsync() => Client.DisposeAsync();

    private MlsClient Open(MlsStore store)
    {
        Meddler = new();
        var options = new MlsClientOptions
        {
            Service = _service,
            ServiceDid = "did:web:localhost",
            Did = Did,
            DeviceId = _deviceId,
            Tokens = _key.Tokens(),
            Store = store,
            CreateHttpClient = () => new HttpClient(Meddler) { Timeout = TimeSpan.FromMinutes(1) },
            KeyPackages = 4,
            RejoinsPerHour = 100,
            ReportDelay = TimeSpan.Zero,
        };
        _configure?.Invoke(options);
        return new(options);
    }
}

/// <summary>Two people in one conversation, as most tests need them.</summary>
internal sealed record Couple(Person Alice, Person Bob, string ConvoId) : IAsyncDisposable
{
    public static async Task<Couple> Meet(
        Uri service,
        Action<MlsClientOptions>? ofBob = null,
        MlsStore? storeOfBob = null
    )
    {
        var alice = await Person.Start(service, "alice");
        var bob = await Person.Start(service, "bob", store: storeOfBob, configure: ofBob);
        var convoId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(convoId, [bob.Did]);
        Assert.Equal([convoId], await bob.Conversations.AcceptWelcomesAsync());
        return new(alice, bob, convoId);
    }

    /// <summary>
    /// Asserts that both, once they have taken what happened, are in one epoch with one secret, and read what the other
    /// sends.
    /// </summary>
    public async Task Agree()
    {
        await Alice.Conversations.SyncAsync(ConvoId);
        await Bob.Conversations.SyncAsync(ConvoId);
        Assert.Equal(await Alice.Where(ConvoId), await Bob.Where(ConvoId));
        await Hears(Alice, Bob);
        await Hears(Bob, Alice);
    }

    private async Task Hears(Person from, Person to)
    {
        var said = Guid.NewGuid().ToByteArray();
        await from.Conversations.SendAsync(ConvoId, said);
        var message = Assert.Single(
            (await to.Conversations.SyncAsync(ConvoId)).Messages,
            message => message.Data.AsSpan().SequenceEqual(said)
        );
        Assert.StartsWith(
            $"{from.Did}#",
            System.Text.Encoding.UTF8.GetString(message.Sender!.Value.Span),
            StringComparison.Ordinal
        );
    }

    public async ValueTask DisposeAsync()
    {
        await Alice.DisposeAsync();
        await Bob.DisposeAsync();
    }
}
