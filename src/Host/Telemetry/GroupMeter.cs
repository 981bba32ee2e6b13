using System.Diagnostics.Metrics;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Host.Xrpc;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Telemetry;

/// <summary>
/// Counts what the activity feed tells of the state of groups: acknowledged epochs, suspected forks, and rejoins by way
/// and outcome.
/// </summary>
internal sealed class GroupMeter : IDisposable
{
    public const string Name = "MlsConsole.Groups";
    public const string DurationName = "rejoin_duration",
        AttemptsName = "rejoin_attempts";

    /// <summary>
    /// Bounds in seconds: from an external commit, which takes one round trip, to a fallback that waits until a member
    /// comes online.
    /// </summary>
    public static readonly double[] DurationBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400];
    public static readonly double[] AttemptsBounds = [1, 2, 3, 5, 10, 20];

    /// <summary>
    /// The two signs of a fork: epoch authenticators, or GroupInfos' external_pub, that differ in one epoch.
    /// </summary>
    private const string Authenticator = "authenticator",
        ExternalPub = "external_pub";

    private static readonly string s_acknowledgeEpoch = XrpcMethod.LabelOf(Lexicons.AcknowledgeEpoch.Nsid),
        s_updateGroupInfo = XrpcMethod.LabelOf(Lexicons.UpdateGroupInfo.Nsid);

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _acknowledgements,
        _suspicions,
        _rejoins;
    private readonly Histogram<double> _duration;
    private readonly Histogram<int> _attempts;
    private readonly IDisposable _subscription;

    public GroupMeter(ActivityFeed feed)
    {
        _acknowledgements = _meter.CreateCounter<long>(
            "epoch_acknowledgements",
            description: "Acknowledgements of epochs that were stored."
        );
        _suspicions = _meter.CreateCounter<long>(
            "suspected_forks",
            description: "Acknowledgements and GroupInfos that do not fit what other members of the epoch say."
        );
        _rejoins = _meter.CreateCounter<long>(
            "rejoin_outcomes",
            description: "Rejoins that clients told of: by external commit, or by the fallback."
        );
        _duration = _meter.CreateHistogram<double>(DurationName, "s", "From the first attempt of a rejoin to its end.");
        _attempts = _meter.CreateHistogram<int>(AttemptsName, description: "Attempts that a rejoin took.");
        // The series exist from the start, so that the first count is an increase.
        _acknowledgements.Add(0);
        foreach (string sign in (string[])[Authenticator, ExternalPub])
            _suspicions.Add(0, Sign(sign));
        foreach (var way in Enum.GetValues<RejoinWay>())
        foreach (bool succeeded in (bool[])[true, false])
        foreach (var cohort in CohortLabel.All)
            _rejoins.Add(0, Way(way), Outcome(succeeded), CohortLabel.Of(cohort));
        _subscription = feed.Subscribe(Count);
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
    }

    private void Count(ActivityRecord activity)
    {
        if (activity is not RequestAnswered request)
            return;
        bool accepted = request.Outcome == RequestOutcomes.Accepted;
        if (request.Method == s_acknowledgeEpoch && accepted)
            _acknowledgements.Add(1);
        if (request.Method == s_acknowledgeEpoch && request.Reason == EpochAcknowledgements.SuspectedFork)
            _suspicions.Add(1, Sign(Authenticator));
        if (request.Method == s_updateGroupInfo && request.Reason == GroupInfoPublisher.SuspectedFork)
            _suspicions.Add(1, Sign(ExternalPub));
        if (accepted && request.Rejoin is { } rejoin)
            CountRejoin(rejoin, request.Cohort);
    }

    private void CountRejoin(RejoinOutcome rejoin, Cohort cohort)
    {
        _rejoins.Add(1, Way(rejoin.Way), Outcome(rejoin.Succeeded), CohortLabel.Of(cohort));
        _duration.Record(rejoin.Elapsed.TotalSeconds, Way(rejoin.Way), Outcome(rejoin.Succeeded));
        _attempts.Record(rejoin.Attempts, Way(rejoin.Way), Outcome(rejoin.Succeeded));
    }

    private static KeyValuePair<string, object?> Sign(string sign) => new("sign", sign);

    private static KeyValuePair<string, object?> Way(RejoinWay way) =>
        new("way", way == RejoinWay.Legacy ? "legacy" : "external_commit");

    private static KeyValuePair<string, object?> Outcome(bool succeeded) =>
        new("outcome", succeeded ? "succeeded" : "failed");
}
