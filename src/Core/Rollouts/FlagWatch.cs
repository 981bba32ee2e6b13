using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rollouts;

/// <summary>A host on which a version of the flag is in force.</summary>
/// <param name="HostId">The run of the host.</param>
/// <param name="HostName">The host's name.</param>
/// <param name="Delay">The time from the change to the moment at which the host took the version over.</param>
public sealed record FlagPropagation(string HostId, string HostName, TimeSpan Delay);

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
    private const int KeptVersions = 100;

    private readonly FlagDefinitions _definitions;
    private readonly Database _database;
    private readonly HostIdentity _host;
    private readonly ActivityFeed _feed;
    private readonly TimeProvider _clock;
    private long _recorded = -1;

    internal FlagWatch(
        FlagDefinitions definitions,
        Database database,
        HostIdentity host,
        ActivityFeed feed,
        TimeProvider clock
    ) => (_definitions, _database, _host, _feed, _clock) = (definitions, database, host, feed, clock);

    /// <summary>Reads the flag, and records a version that is new to this host.</summary>
    /// <exception cref="FlagUnreadableException">The flag cannot be read; the last known state stays in
    /// force.</exception>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        FlagView view = await _definitions.RefreshAsync(cancellation);
        if (view.IsLastKnownGood)
            throw new FlagUnreadableException();
        if (view.Version == _recorded)
            return;
        DateTimeOffset now = _clock.GetUtcNow();
        // The version that a host finds when it starts has not come to it just now.
        if (_recorded >= 0)
            _feed.Publish(
                new FlagTakenOver
                {
                    At = now,
                    Version = view.Version,
                    Delay = now > view.ChangedAt ? now - view.ChangedAt : TimeSpan.Zero,
                }
            );
        await RecordAsync(view.Version, now, cancellation);
        _recorded = view.Version;
    }

    /// <summary>
    /// Calls <paramref name="changed"/> whenever the database tells of a change, until the connection fails. It returns
    /// at once where the database tells of none.
    /// </summary>
    public Task ListenAsync(Action changed, CancellationToken cancellation) =>
        _database.ListenAsync(Channel, changed, cancellation);

    /// <summary>The hosts that have taken a version over, the fastest first.</summary>
    public async Task<IReadOnlyList<FlagPropagation>> PropagationAsync(FlagView view, CancellationToken cancellation)
    {
        await using MlsDbContext context = _database.Read();
        List<FlagSighting> sightings = await context
            .Set<FlagSighting>()
            .Where(row => row.Version == view.Version)
            .ToListAsync(cancellation);
        return
        [
            .. sightings
                .Select(row => new FlagPropagation(
                    row.HostId,
                    row.HostName,
                    row.SeenAt > view.ChangedAt ? row.SeenAt - view.ChangedAt : TimeSpan.Zero
                ))
                .OrderBy(one => one.Delay),
        ];
    }

    private Task<int> RecordAsync(long version, DateTimeOffset at, CancellationToken cancellation) =>
        _database.WriteAsync(
            async context =>
            {
                if (
                    !await context.Set<FlagSighting>().AnyAsync(row => row.Version == version && row.HostId == _host.Id)
                )
                    context.Add(
                        new FlagSighting
                        {
                            Version = version,
                            HostId = _host.Id,
                            HostName = _host.Name,
                            SeenAt = at,
                        }
                    );
                return await context
                    .Set<FlagSighting>()
                    .Where(row => row.Version <= version - KeptVersions)
                    .ExecuteDeleteAsync();
            },
            cancellation
        );
}

/// <summary>The flag cannot be read; the last known state stays in force.</summary>
public sealed class FlagUnreadableException() : Exception("The external commits flag cannot be read.");
