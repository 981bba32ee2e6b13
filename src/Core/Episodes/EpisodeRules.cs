using MlsConsole.Core.Figures;

namespace MlsConsole.Core.Episodes;

/// <summary>
/// Makes episodes of events, from values alone. What acts on figures, a guard or a page, judges episodes, because
/// attempts are not independent: a device tries again, and one account may fail many times an hour. So an account
/// counts once in a while, and a failure silences its account and its conversation (docs/figures.md).
/// </summary>
/// <param name="settings">When an episode counts.</param>
/// <param name="known">
/// The episodes that the judgement depends on: those that run, and the late ones of the accounts and conversations of
/// the events. New ones are added.
/// </param>
/// <param name="enrolledAt">When the accounts of the events enrolled their first device, by DID.</param>
internal sealed class EpisodeRules(
    EpisodeSettings settings,
    List<Episode> known,
    IReadOnlyDictionary<string, DateTimeOffset> enrolledAt
)
{
    /// <summary>A report of a fallback belongs to an episode that ended at most so long before it.</summary>
    public static readonly TimeSpan FallbackWindow = TimeSpan.FromHours(1);

    /// <summary>The samples that have ended.</summary>
    public List<Episode> Ended { get; } = [];

    /// <summary>The samples after whose failure the device fell back.</summary>
    public List<Episode> FellBack { get; } = [];

    /// <summary>
    /// What the samples that have ended, and those that fell back, add to the figures of their cohorts.
    /// </summary>
    public FigureTable Figures()
    {
        var table = new FigureTable();
        foreach (var episode in Ended)
        {
            var counts = new FigureCounts();
            counts.Add(Figure.Episodes, 1);
            counts.Add(Figure.FailedEpisodes, episode.Outcome == EpisodeOutcome.Failed ? 1 : 0);
            counts.Add(Figure.MismatchedEpisodes, episode.Mismatched ? 1 : 0);
            counts.Add(Figure.EpisodesOver500Milliseconds, episode.SlowestMilliseconds > 500 ? 1 : 0);
            counts.Add(Figure.EpisodesOverOneSecond, episode.SlowestMilliseconds > 1000 ? 1 : 0);
            table.Add(episode.Cohort, counts);
        }
        foreach (var episode in FellBack)
        {
            var counts = new FigureCounts();
            counts.Add(Figure.FallbackEpisodes, 1);
            table.Add(episode.Cohort, counts);
        }
        return table;
    }

    /// <summary>Takes an event. Events are given in the order of their time.</summary>
    public void Take(EpisodeEvent one)
    {
        byte[] account = Episode.HashOf(one.Did);
        var last = known
            .Where(episode => episode.ConvoId == one.ConvoId && episode.Account.AsSpan().SequenceEqual(account))
            .MaxBy(episode => episode.StartedAt);
        if (last is { Outcome: null } && one.At - last.LastAt > settings.Patience)
            End(last, EpisodeOutcome.Failed, last.LastAt + settings.Patience);
        if (!one.IsAttempt)
        {
            TakeReport(one, last);
            return;
        }
        // What comes late, and what comes twice, belongs to the episode that has ended already.
        if (last is { EndedAt: { } ended } && one.At <= ended)
            return;
        if (last is not { Outcome: null })
            known.Add(last = Start(one, account));
        last.Attempts++;
        last.LastAt = one.At > last.LastAt ? one.At : last.LastAt;
        last.SlowestMilliseconds = Math.Max(last.SlowestMilliseconds, one.Milliseconds);
        if (one.Kind == EpisodeEventKind.Accepted)
            End(last, EpisodeOutcome.Accepted, one.At);
        else if (one.Kind == EpisodeEventKind.FailedForGood)
            End(last, EpisodeOutcome.Failed, one.At);
    }

    /// <summary>Ends the episodes that have waited too long for another attempt.</summary>
    public void EndAbandoned(DateTimeOffset now)
    {
        foreach (var episode in known)
            if (episode.Outcome is null && now - episode.LastAt > settings.Patience)
                End(episode, EpisodeOutcome.Failed, episode.LastAt + settings.Patience);
    }

    /// <summary>A report counts only for an episode that the service saw: anybody can report anything.</summary>
    private void TakeReport(EpisodeEvent one, Episode? last)
    {
        if (last is null || (last.EndedAt is { } ended && one.At - ended > FallbackWindow))
            return;
        if (last.Outcome is null)
            End(last, EpisodeOutcome.Failed, one.At);
        if (one.Kind != EpisodeEventKind.FellBack || last.FellBack || last.Outcome != EpisodeOutcome.Failed)
            return;
        last.FellBack = true;
        if (last.Counts)
            FellBack.Add(last);
    }

    private Episode Start(EpisodeEvent one, byte[] account) =>
        new()
        {
            Account = account,
            ConvoId = one.ConvoId,
            StartedAt = one.At,
            LastAt = one.At,
            Stage = one.Stage,
            Cohort = one.Cohort,
            Mismatched = one.Kind == EpisodeEventKind.Mismatched,
            Counts = DoesCount(one, account),
        };

    private bool DoesCount(EpisodeEvent one, byte[] account)
    {
        if (one.StageBeganAt is { } began && !(enrolledAt.TryGetValue(one.Did, out var enrolled) && enrolled <= began))
            return false;
        foreach (var episode in known.Where(episode => episode.Counts))
        {
            bool sameAccount = episode.Account.AsSpan().SequenceEqual(account);
            if (sameAccount && (one.At - episode.StartedAt).Duration() < settings.AccountInterval)
                return false;
            // An episode that runs may yet fail, and would then have silenced this one.
            if (
                (sameAccount || episode.ConvoId == one.ConvoId)
                && episode.Outcome != EpisodeOutcome.Accepted
                && one.At - (episode.EndedAt ?? episode.LastAt) < settings.Silence
            )
                return false;
        }
        return true;
    }

    private void End(Episode episode, EpisodeOutcome outcome, DateTimeOffset at)
    {
        (episode.Outcome, episode.EndedAt) = (outcome, at);
        if (episode.Counts)
            Ended.Add(episode);
    }
}
