using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// Keeps the flag fresh without being asked, and records how long each change takes to come into force on this host.
/// </summary>
/// <remarks>
/// Reading again and again is the truth. On PostgreSQL a change also notifies every host, so that they read at once; a
/// notification that is lost costs only the pause until the next reading.
/// </remarks>
public sealed class FlagWatch
{
    /// <summary>
    /// The channel of PostgreSQL on which a change of the flag is told. No other transaction notifies.
    /// </summary>
    internal const string Channel = "mlsconsole_flag";

    /// <summary>Sightings of so many versions are kept.</summary>
    internal const int KeptVersions = 100;

    /// <summary>
    /// How often the propagation is read while hosts may still take a change over, and how often later.
    /// </summary>
    private static readonly TimeSpan s_often = TimeSpan.FromMilliseconds(300),
        s_seldom = TimeSpan.FromSeconds(5);

    /// <summary>For so long after a change hosts are expected to take it over.</summary>
    private static readonly TimeSpan s_news = TimeSpan.FromSeconds(10);

    private readonly FlagDefinitions _definitions;
    private readonly Database _database;
    private readonly HostIdentity _host;
    private readonly ActivityFeed _feed;
    private readonly TimeProvider _clock;
    private long _recordedVersion;
    private long? _propagationReadAt;
    private volatile FlagPropagation _propagation = FlagPropagation.None;

    internal FlagWatch(
        FlagDefinitions definitions,
        Database database,
        HostIdentity host,
        ActivityFeed feed,
        TimeProvider clock
    ) => (_definitions, _database, _host, _feed, _clock) = (definitions, database, host, feed, clock);

    /// <summary>How far the version that this host follows has got, as it was read last.</summary>
    public FlagPropagation Propagation => _propagation;

    /// <summary>
    /// Reads the flag; writes down that this host has taken a version over, if it has since the last call; and reads
    /// which hosts have. One duty calls it again and again.
    /// </summary>
    /// <exception cref="FlagUnreadableException">
    /// The flag cannot be read; the last known state stays in force.
    /// </exception>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        FlagView view = await _definitions.RefreshAsync(cancellation);
        if (view.IsLastKnownGood || _definitions.Takeover is not { } takeover)
            throw new FlagUnreadableException();
        long version = takeover.View.Version;
        bool isNew = version != _recordedVersion;
        if (isNew)
        {
            await RecordAsync(takeover, cancellation);
            _recordedVersion = version;
        }
        TimeSpan interval = _clock.GetUtcNow() - takeover.At < s_news ? s_often : s_seldom;
        if (!isNew && _propagationReadAt is { } readAt && _clock.GetElapsedTime(readAt) < interval)
            return;
        _propagation = await PropagationAsync(version, cancellation);
        _propagationReadAt = _clock.GetTimestamp();
    }

    /// <summary>
    /// Calls <paramref name="changed"/> whenever the database tells of a change, until the connection fails. It returns
    /// at once where the database tells of none.
    /// </summary>
    public Task ListenAsync(Action changed, CancellationToken cancellation) =>
        _database.ListenAsync(Channel, changed, cancellation);

    private async Task<FlagPropagation> PropagationAsync(long version, CancellationToken cancellation)
    {
        await using MlsDbContext context = _database.Read();
        List<FlagSighting> sightings = await context
            .Set<FlagSighting>()
            .Where(row => row.Version == version)
            .ToListAsync(cancellation);
        return new(
            version,
            sightings.Select(row => row.HostName).ToHashSet(StringComparer.Ordinal),
            sightings.Max(row => row.DelayMilliseconds) is { } slowest ? TimeSpan.FromMilliseconds(slowest) : null
        );
    }

    /// <summary>
    /// Writes that this host has taken a version over, and deletes the sightings of versions that are too old. A host
    /// that is started again adds nothing for a version that a host of its name has seen. So the table is bounded by
    /// the names of hosts, however often hosts are started.
    /// </summary>
    private async Task RecordAsync(FlagTakeover takeover, CancellationToken cancellation)
    {
        bool added = await _database.WriteAsync(
            async context =>
            {
                long version = takeover.View.Version;
                DbSet<FlagSighting> sightings = context.Set<FlagSighting>();
                await sightings.Where(row => row.Version <= version - KeptVersions).ExecuteDeleteAsync();
                bool isKnown = await sightings.AnyAsync(row =>
                    row.Version == version
                    && (row.HostId == _host.Id || (takeover.AtStart && row.HostName == _host.Name))
                );
                if (!isKnown)
                    context.Add(SightingOf(takeover));
                return !isKnown;
            },
            cancellation
        );
        if (added && !takeover.AtStart)
            _feed.Publish(
                new FlagTakenOver
                {
                    At = takeover.At,
                    Version = takeover.View.Version,
                    Delay = takeover.Delay,
                }
            );
    }

    private FlagSighting SightingOf(FlagTakeover takeover) =>
        new()
        {
            Version = takeover.View.Version,
            HostId = _host.Id,
            HostName = _host.Name,
            SeenAt = takeover.At,
            DelayMilliseconds = takeover.AtStart ? null : (long)takeover.Delay.TotalMilliseconds,
        };
}

/// <summary>The flag cannot be read; the last known state stays in force.</summary>
public sealed class FlagUnreadableException() : Exception("The external commits flag cannot be read.");
