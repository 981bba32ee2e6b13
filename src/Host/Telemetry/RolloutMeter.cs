using System.Diagnostics.Metrics;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Episodes;
using MlsConsole.Core.Figures;

namespace MlsConsole.Host.Telemetry;

/// <summary>
/// What a rollout is judged and driven by: the rejoin episodes that this host judged (the sum over all hosts is the
/// number of samples), figures that wait for the database, and how fast a change of the flag comes into force.
/// </summary>
internal sealed class RolloutMeter : IDisposable
{
    public const string Name = "MlsConsole.Rollout";
    public const string FlagPropagationName = "flag_propagation";

    /// <summary>Bounds in seconds, among them the second within which a change has to be in force.</summary>
    public static readonly double[] FlagPropagationBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30];

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _episodes,
        _mismatched,
        _overOneSecond,
        _fellBack;
    private readonly Histogram<double> _flagPropagation;
    private readonly IDisposable _subscription;

    public RolloutMeter(ActivityFeed feed, LiveFigures figures, EpisodeRecorder recorder)
    {
        _episodes = _meter.CreateCounter<long>(
            "rejoin_episodes",
            description: "Rejoin episodes that count and have ended, by outcome."
        );
        _mismatched = _meter.CreateCounter<long>(
            "rejoin_episodes_mismatched",
            description: "Rejoin episodes that count whose first attempt was for another epoch."
        );
        _overOneSecond = _meter.CreateCounter<long>(
            "rejoin_episodes_over_1s",
            description: "Rejoin episodes that count with an attempt of more than one second."
        );
        _fellBack = _meter.CreateCounter<long>(
            "rejoin_episodes_fell_back",
            description: "Rejoin episodes that count after which the device fell back to the help of a member."
        );
        // The series exist from the start, so that the first episode is an increase.
        foreach (var cohort in CohortLabel.All)
        {
            foreach (bool failed in (bool[])[false, true])
                _episodes.Add(0, CohortLabel.Of(cohort), Outcome(failed));
            foreach (var counter in (Counter<long>[])[_mismatched, _overOneSecond, _fellBack])
                counter.Add(0, CohortLabel.Of(cohort));
        }
        _meter.CreateObservableGauge(
            "figures_unwritten_steps",
            () => figures.Unwritten,
            description: "Steps of five seconds that were counted and wait to be written to the database."
        );
        _meter.CreateObservableCounter(
            "rejoin_events_left_out",
            () => recorder.LeftOut,
            description: "Events of rejoins that no episode has because too many waited for the database."
        );
        _flagPropagation = _meter.CreateHistogram<double>(
            FlagPropagationName,
            "s",
            "From a change of the flag to the moment at which it came into force on this host."
        );
        _subscription = feed.Subscribe(Count);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
    }

    private void Count(ActivityRecord activity)
    {
        switch (activity)
        {
            case FlagTakenOver flag:
                _flagPropagation.Record(flag.Delay.TotalSeconds);
                break;
            case RejoinFellBack fellBack:
                _fellBack.Add(1, CohortLabel.Of(fellBack.Cohort));
                break;
            case RejoinEpisodeEnded episode:
                var cohort = CohortLabel.Of(episode.Cohort);
                _episodes.Add(1, cohort, Outcome(episode.Failed));
                if (episode.Mismatched)
                    _mismatched.Add(1, cohort);
                if (episode.Slowest > TimeSpan.FromSeconds(1))
                    _overOneSecond.Add(1, cohort);
                break;
        }
    }

    private static KeyValuePair<string, object?> Outcome(bool failed) =>
        new("outcome", failed ? "failed" : "succeeded");
}
