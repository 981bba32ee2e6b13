namespace MlsConsole.Core;

/// <summary>What an operator may set.</summary>
public sealed record CoreSettings
{
    /// <summary>Whether a device may enrol another identity than <c>did#deviceId</c> (Identity:OpaqueCredentials).</summary>
    public bool OpaqueCredentials { get; init; }

    /// <summary>Hint to clients how long to keep a GroupInfo (GroupInfo:CacheLifetime).</summary>
    public TimeSpan GroupInfoCacheLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>External commits of one device in one conversation that are accepted in an hour (Rejoin:LimitPerHour).</summary>
    public int RejoinLimitPerHour { get; init; } = 5;

    /// <summary>External commits of one account in one conversation that may be refused in an hour (Rejoin:RefusedLimitPerHour).</summary>
    public int RejoinRefusedLimitPerHour { get; init; } = 60;

    /// <summary>How long after somebody left they may come back (Rejoin:GracePeriod).</summary>
    public TimeSpan RejoinGracePeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a device's request to be added again waits for a member (Rejoin:RequestLifetime).</summary>
    public TimeSpan RejoinRequestLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>A snapshot of the public state is written every so many epochs.</summary>
    public int SnapshotInterval { get; init; } = 32;

    /// <summary>Most leaves of a conversation.</summary>
    public int MaxLeaves { get; init; } = 10_000;

    /// <summary>Bytes of live groups that are kept in memory.</summary>
    public long GroupCacheBytes { get; init; } = 256L << 20;

    /// <summary>How long events are kept for subscribers that come back (Events:Retention).</summary>
    public TimeSpan EventRetention { get; init; } = TimeSpan.FromDays(3);

    /// <summary>How long application messages are kept (Messages:Retention); at least as long as events.</summary>
    public TimeSpan MessageRetention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>So many events a subscriber that had caught up may be behind, if it takes them more slowly than they come (Events:MaxLag).</summary>
    public int EventMaxLag { get; init; } = 10_000;

    /// <summary>Largest application message in bytes.</summary>
    public int MaxMessageBytes { get; init; } = 10 << 20;
}
