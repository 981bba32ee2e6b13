using Microsoft.Extensions.Logging;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Which device of which account, at which service, and where its state is kept.</summary>
public sealed record MlsClientOptions
{
    /// <summary>The service's address.</summary>
    public required Uri Service { get; set; }

    /// <summary>The service's DID: tokens are meant for it alone.</summary>
    public required string ServiceDid { get; set; }

    /// <summary>The account.</summary>
    public required string Did { get; set; }

    /// <summary>The device's name for itself; the same after a reinstall.</summary>
    public required string DeviceId { get; set; }

    /// <summary>What people see of the device; its id where null.</summary>
    public string? DeviceName { get; set; }

    /// <summary>Where service tokens come from, such as <see cref="AccountKey.Tokens"/>.</summary>
    public required ServiceTokenSource Tokens { get; set; }

    /// <summary>Where keys and groups are kept. The client disposes it.</summary>
    public MlsStore Store { get; set; } = new MemoryStore();

    /// <summary>Makes the HTTP client; where null, the client makes one of its own.</summary>
    public Func<HttpClient>? CreateHttpClient { get; set; }

    /// <summary>The cipher suite of conversations that this device creates, and of its key packages.</summary>
    public ushort CipherSuite { get; set; } = 1;

    /// <summary>Whether conversations that this device creates list the service in external_senders: it then proposes the removal of who left or was banned. Members on a library that cannot decode that extension cannot join them.</summary>
    public bool ListService { get; set; }

    /// <summary>Whether conversations that this device creates let no new device in before another one of its account has approved it (<see cref="ConversationManager.ApproveDeviceAsync"/>).</summary>
    public bool RequireDeviceApproval { get; set; }

    /// <summary>Asks the application about each credential; see <see cref="Client.VerifyCredential"/>.</summary>
    public CredentialVerifier? VerifyCredential { get; set; }

    /// <summary>Told of each application message before the state without its key is saved: a message is told again if the process ends in between or this throws, and never lost.</summary>
    public Func<IncomingMessage, CancellationToken, ValueTask>? OnMessage { get; set; }

    /// <summary>Tries of an external commit in one rejoin before the legacy flow.</summary>
    public int RejoinAttempts { get; set; } = 5;

    /// <summary>Times that <c>TurnPending</c> is waited for in one rejoin.</summary>
    public int RejoinTurns { get; set; } = 24;

    /// <summary>How long a rejoin waits for a member whom it asked; the Welcome may also come later.</summary>
    public TimeSpan MemberWait { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Rejoins of one conversation within an hour; one more is refused as <see cref="ClientErrors.RejoinLoop"/> before anything is asked.</summary>
    public int RejoinsPerHour { get; set; } = 5;

    /// <summary>The service is told how a rejoin ended at a random moment within this time, so that when many come back at once nobody's rejoin waits for the reports of others; at most 49 days, zero to tell it before the rejoin returns.</summary>
    public TimeSpan ReportDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Tries of a member's own commit that others overtake.</summary>
    public int CommitAttempts { get; set; } = 8;

    /// <summary>Longest wait for what a <c>Retry-After</c> asks within one call; longer ones are the caller's.</summary>
    public TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Key packages that are published when fewer than half are left.</summary>
    public int KeyPackages { get; set; } = 20;

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Where log lines go; nowhere where null.</summary>
    public ILoggerFactory? Logging { get; set; }
}
