namespace MlsConsole.Clients;

/// <summary>How far a rejoin has come.</summary>
internal sealed class RejoinProgress(TimeProvider clock)
{
    private readonly long _started = clock.GetTimestamp();

    /// <summary>External commits that were tried and count.</summary>
    public int Attempts { get; set; }

    /// <summary>Times that the device has waited for its turn.</summary>
    public int Turns { get; set; }

    /// <summary>The way that is being tried; <see cref="RejoinWay.Legacy"/> once the members are asked.</summary>
    public RejoinWay Way { get; set; } = RejoinWay.ExternalCommit;

    /// <summary>Why the last external commit did not succeed.</summary>
    public string? LastError { get; set; }

    /// <summary>The time in which the device waited between its external commits.</summary>
    public TimeSpan Waited { get; set; }

    /// <summary>The time since the rejoin began.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_started);

    /// <summary>Tries of all ways together, at least 1.</summary>
    public int Tries => Math.Max(1, Attempts + (Way == RejoinWay.Legacy ? 1 : 0));

    /// <summary>The result of a rejoin that ends now.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="way">The way that was taken.</param>
    /// <param name="joined">Whether the device is in the group.</param>
    public RejoinResult ToResult(LocalConversation conversation, RejoinWay way, bool joined) =>
        new(conversation.Id, way, joined, joined ? conversation.Group!.CurrentEpoch : 0, Attempts, Elapsed, Waited);
}
