using Microsoft.Extensions.Logging;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Which device of which account, at which service, and where its state is kept.</summary>
public sealed record MlsClientOptions
{
    /// <summary>The service's address.</summary>
    public required Uri Service { get; set; }

    /// <summary>The service's DID, the audience of all tokens.</summary>
    public required string ServiceDid { get; set; }

    /// <summary>The account's DID.</summary>
    public required string Did { get; set; }

    /// <summary>The device's name for itself; the same after a reinstall.</summary>
    public required string DeviceId { get; set; }

    /// <summary>The device's name for people; where null, the device's id.</summary>
    public string? DeviceName { get; set; }

    /// <summary>Makes service tokens, such as <see cref="AccountKey.Tokens"/>.</summary>
    public required ServiceTokenSource Tokens { get; set; }

    /// <summary>Where keys and groups are kept. The client disposes the store.</summary>
    public MlsStore Store { get; set; } = new MemoryStore();

    /// <summary>Makes the HTTP client; where null, the client makes one of its own.</summary>
    public Func<HttpClient>? CreateHttpClient { get; set; }

    /// <summary>The cipher suite of conversations that this device creates, and of the device's key packages.</summary>
    public ushort CipherSuite { get; set; } = 1;

    /// <summary>
    /// Whether conversations that this device creates list the service in external_senders (RFC 9420 §12.1.8.1): the
    /// service then proposes the removal of accounts that have left or were banned. Members whose library cannot decode
    /// that extension cannot join such conversations.
    /// </summary>
    public bool ListService { get; set; }

    /// <summary>
    /// Whether conversations that this device creates let no new device in before another device of its account has
    /// approved it (<see cref="ConversationManager.ApproveDeviceAsync"/>).
    /// </summary>
    public bool RequireDeviceApproval { get; set; }

    /// <summary>Asks the application about each credential; see <see cref="Client.VerifyCredential"/>.</summary>
    public CredentialVerifier? VerifyCredential { get; set; }

    /// <summary>
    /// Called with each application message before the state without the message's key is saved. A message is never
    /// lost; it comes again if the process ends in between, or if this throws.
    /// </summary>
    public Func<IncomingMessage, CancellationToken, ValueTask>? OnMessage { get; set; }

    /// <summary>
    /// How many external commits are tried in one rejoin before the members are asked (the legacy way).
    /// </summary>
    public int RejoinAttempts { get; set; } = 5;

    /// <summary>How often one rejoin waits for its turn after a <c>TurnPending</c>.</summary>
    public int RejoinTurns { get; set; } = 24;

    /// <summary>
    /// How long a rejoin waits for the Welcome of a member after it has asked; the Welcome may also come later.
    /// </summary>
    public TimeSpan MemberWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How many rejoins of one conversation may begin within an hour. One more is refused as
    /// <see cref="ClientErrors.RejoinLoop"/> before the service is asked anything.
    /// </summary>
    public int RejoinsPerHour { get; set; } = 5;

    /// <summary>
    /// The service is told how a rejoin ended at a random moment within this time, so that nobody's rejoin waits for
    /// the reports of others when many devices come back at once. At most 49 days; where zero, the service is told
    /// before the rejoin returns.
    /// </summary>
    public TimeSpan ReportDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a member's own commit is tried when other commits overtake it.</summary>
    public int CommitAttempts { get; set; } = 8;

    /// <summary>
    /// The longest wait that the service may ask for (<c>Retry-After</c>) and a rejoin itself waits. For a longer wait
    /// the rejoin goes on by another way, or ends and leaves the wait to the caller.
    /// </summary>
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The supply of published key packages; it is filled up when fewer than half are left.</summary>
    public int KeyPackages { get; set; } = 20;

    /// <summary>The clock that all waits and times follow.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Takes log lines; where null, nothing is logged.</summary>
    public ILoggerFactory? Logging { get; set; }
}
