namespace MlsConsole.Core;

/// <summary>What an operator may set.</summary>
public sealed record CoreSettings
{
    /// <summary>Whether a device may enrol another identity than <c>did#deviceId</c> (Identity:OpaqueCredentials).</summary>
    public bool OpaqueCredentials { get; init; }
    /// <summary>Hint to clients how long to keep a GroupInfo (GroupInfo:CacheLifetime).</summary>
    public TimeSpan GroupInfoCacheLifetime { get; init; } = TimeSpan.FromMinutes(5);
    /// <summary>A snapshot of the public state is written every so many epochs.</summary>
    public int SnapshotInterval { get; init; } = 32;
    /// <summary>Most leaves of a conversation.</summary>
    public int MaxLeaves { get; init; } = 10_000;
    /// <summary>Bytes of live groups that are kept in memory.</summary>
    public long GroupCacheBytes { get; init; } = 256L << 20;
    /// <summary>Largest application message in bytes.</summary>
    public int MaxMessageBytes { get; init; } = 10 << 20;
}
