namespace MlsConsole.Core;

/// <summary>
/// What an operator may set. The name of the setting stands in parentheses; a value without one has no setting.
/// </summary>
public sealed record CoreSettings
{
    /// <summary>The name of this host for people, which no other host of the database has (Host:Name).</summary>
    public string HostName { get; init; } = Environment.MachineName;

    /// <summary>
    /// Whether a device may enrol an identity other than <c>did#deviceId</c> (Identity:OpaqueCredentials).
    /// </summary>
    public bool OpaqueCredentials { get; init; }

    /// <summary>
    /// How long a group stays in memory, and the hint to clients how long to keep a GroupInfo
    /// (GroupInfo:CacheLifetime).
    /// </summary>
    public TimeSpan GroupInfoCacheLifetime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How many external commits of one device in one conversation are accepted in an hour (Rejoin:LimitPerHour).
    /// </summary>
    public int RejoinLimitPerHour { get; init; } = 5;

    /// <summary>
    /// How many external commits of one account in one conversation may be refused in an hour before none is judged any
    /// more (Rejoin:RefusedLimitPerHour).
    /// </summary>
    public int RejoinRefusedLimitPerHour { get; init; } = 60;

    /// <summary>How long after it left an account may come back by itself (Rejoin:GracePeriod).</summary>
    public TimeSpan RejoinGracePeriod { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a device's request to be added again waits for a member (Rejoin:RequestLifetime).</summary>
    public TimeSpan RejoinRequestLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>After how many epochs a snapshot of a group's public state is written again.</summary>
    public int SnapshotInterval { get; init; } = 32;

    /// <summary>How many leaves a conversation has at most.</summary>
    public int MaxLeaves { get; init; } = 10_000;

    /// <summary>How many bytes the groups in memory may take.</summary>
    public long GroupCacheBytes { get; init; } = 256L << 20;

    /// <summary>How long events are kept for subscribers that come back (Events:Retention).</summary>
    public TimeSpan EventRetention { get; init; } = TimeSpan.FromDays(3);

    /// <summary>How long application messages are kept (Messages:Retention); at least as long as events.</summary>
    public TimeSpan MessageRetention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>
    /// How many events a subscriber may be behind that had caught up once and takes events more slowly than they come
    /// (Events:MaxLag).
    /// </summary>
    public int EventMaxLag { get; init; } = 10_000;

    /// <summary>The largest application message in bytes.</summary>
    public int MaxMessageBytes { get; init; } = 10 << 20;

    /// <summary>How long a session of the console lasts at most (Console:SessionLifetime).</summary>
    public TimeSpan ConsoleSessionLifetime { get; init; } = TimeSpan.FromHours(12);

    /// <summary>When rejoin episodes count (Episodes:AccountInterval, Silence and Patience).</summary>
    public EpisodeSettings Episodes { get; init; } = new();
}
