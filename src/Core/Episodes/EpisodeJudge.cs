using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Episodes;

/// <summary>
/// Makes episodes of the events that all hosts have written. One host at a time judges, so that the attempts of one
/// rejoin on several hosts are one episode. Episodes, their figures and the deletion of their events are one
/// transaction: each event is judged exactly once.
/// </summary>
public sealed class EpisodeJudge
{
    /// <summary>How long episodes are kept.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(35);

    internal const string LeaseName = "episodes";
    private const int Batch = 1000;

    /// <summary>
    /// An event is judged when the events before it of all hosts have been written: a host writes every five seconds.
    /// </summary>
    internal static readonly TimeSpan Settled = TimeSpan.FromSeconds(7);

    private readonly Database _database;
    private readonly Leases _leases;
    private readonly HostIdentity _host;
    private readonly ActivityFeed _feed;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;
    private long _lastStep = -1;

    internal EpisodeJudge(
        Database database,
        Leases leases,
        HostIdentity host,
        ActivityFeed feed,
        CoreSettings settings,
        TimeProvider clock
    ) => (_database, _leases, _host, _feed, _settings, _clock) = (database, leases, host, feed, settings, clock);

    /// <summary>
    /// Judges what is settled, if it is this host's turn. It does nothing when it has judged in the running step of
    /// five seconds already, because the figures of a step are one row.
    /// </summary>
    public async Task JudgeAsync(CancellationToken cancellation)
    {
        long step = FigureStep.NumberOf(_clock.GetUtcNow());
        if (step <= _lastStep)
            return;
        var judged = await _database.WriteAsync(context => JudgeAsync(context, step), cancellation);
        if (judged is null)
            return;
        _lastStep = step;
        Announce(judged);
    }

    /// <summary>Deletes old episodes, in transactions of bounded size.</summary>
    public async Task PruneAsync(CancellationToken cancellation)
    {
        var before = _clock.GetUtcNow() - Retention;
        while (
            await _database.WriteAsync(
                context =>
                    context
                        .Set<Episode>()
                        .Where(row => row.StartedAt < before)
                        .OrderBy(row => row.StartedAt)
                        .Take(Batch)
                        .ExecuteDeleteAsync(),
                cancellation
            ) == Batch
        ) { }
    }

    /// <summary>How many accounts have samples in a stage, which does not add up over steps or hosts.</summary>
    public async Task<int> AccountsAsync(long stage, CancellationToken cancellation)
    {
        await using var context = _database.Read();
        return await context
            .Set<Episode>()
            .Where(row => row.Stage == stage && row.Counts && row.Outcome != null)
            .Select(row => row.Account)
            .Distinct()
            .CountAsync(cancellation);
    }

    /// <returns>Null if another host judges.</returns>
    private async Task<EpisodeRules?> JudgeAsync(MlsDbContext context, long step)
    {
        var now = _clock.GetUtcNow();
        if (await _leases.TakeAsync(context, LeaseName) is null)
            return null;
        var events = await context
            .Set<EpisodeEvent>()
            .Where(row => row.At <= now - Settled)
            .OrderBy(row => row.At)
            .ThenBy(row => row.Id)
            .Take(Batch)
            .AsNoTracking()
            .ToListAsync();
        var known = await KnownAsync(context, events, now);
        int before = known.Count;
        var rules = new EpisodeRules(_settings.Episodes, known, await EnrolledAtAsync(context, events));
        foreach (var one in events)
            rules.Take(one);
        // Not while events wait: an attempt among them may belong to an episode that seems to be abandoned.
        if (events.Count < Batch)
            rules.EndAbandoned(now - Settled);
        context.AddRange(known.Skip(before));
        var ids = events.Select(one => one.Id).ToList();
        await context.Set<EpisodeEvent>().Where(row => ids.Contains(row.Id)).ExecuteDeleteAsync();
        AddFigures(context, rules, step);
        return rules;
    }

    /// <summary>What the judgement of the events depends on.</summary>
    private async Task<List<Episode>> KnownAsync(
        MlsDbContext context,
        IReadOnlyList<EpisodeEvent> events,
        DateTimeOffset now
    )
    {
        var accounts = events.Select(one => Episode.HashOf(one.Did)).DistinctBy(Convert.ToHexString).ToList();
        var convos = events.Select(one => one.ConvoId).Distinct().ToList();
        var memory = new[]
        {
            _settings.Episodes.AccountInterval,
            _settings.Episodes.Silence,
            EpisodeRules.FallbackWindow,
        }.Max();
        var since = now - memory - _settings.Episodes.Patience - TimeSpan.FromHours(1);
        // The late episodes of a conversation matter only where they may silence it: where they count and failed.
        return await context
            .Set<Episode>()
            .AsTracking()
            .Where(row =>
                row.Outcome == null
                || (row.StartedAt >= since && accounts.Contains(row.Account))
                || (
                    row.StartedAt >= since
                    && row.Counts
                    && row.Outcome == EpisodeOutcome.Failed
                    && convos.Contains(row.ConvoId)
                )
            )
            .OrderBy(row => row.Id)
            .ToListAsync();
    }

    private static async Task<IReadOnlyDictionary<string, DateTimeOffset>> EnrolledAtAsync(
        MlsDbContext context,
        IReadOnlyList<EpisodeEvent> events
    )
    {
        var dids = events.Select(one => one.Did).Distinct().ToList();
        return await context
            .Set<Device>()
            .Where(device => dids.Contains(device.Did))
            .GroupBy(device => device.Did)
            .Select(devices => new { Did = devices.Key, At = devices.Min(device => device.RegisteredAt) })
            .ToDictionaryAsync(one => one.Did, one => one.At);
    }

    private void AddFigures(MlsDbContext context, EpisodeRules rules, long step)
    {
        var table = rules.Figures();
        foreach (var cohort in table.Cohorts)
            context.Add(FigureRow.Of(_host.Id + FigureRow.Episodes, new FigureStep(step, cohort, table.Of(cohort))));
    }

    private void Announce(EpisodeRules judged)
    {
        var now = _clock.GetUtcNow();
        foreach (var episode in judged.Ended)
            _feed.Publish(
                new RejoinEpisodeEnded
                {
                    At = now,
                    ConvoId = episode.ConvoId,
                    Cohort = episode.Cohort,
                    Failed = episode.Outcome == EpisodeOutcome.Failed,
                    Mismatched = episode.Mismatched,
                    Slowest = TimeSpan.FromMilliseconds(episode.SlowestMilliseconds),
                }
            );
        foreach (var episode in judged.FellBack)
            _feed.Publish(
                new RejoinFellBack
                {
                    At = now,
                    ConvoId = episode.ConvoId,
                    Cohort = episode.Cohort,
                }
            );
    }
}
