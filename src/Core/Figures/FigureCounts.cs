using System.Text.Json;
using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Figures;

/// <summary>What became of an external commit.</summary>
/// <param name="Outcome"><c>accepted</c>, or the name of the error.</param>
/// <param name="Reason">
/// The id of the rule, or the reason, for which the commit was refused; null if there is none.
/// </param>
public readonly record struct FigureOutcome(string Outcome, string? Reason);

/// <summary>
/// Counts of all figures over some time, and what can be added to them: a request, or other counts. The result does
/// not depend on the order. Not safe for several threads.
/// </summary>
public sealed class FigureCounts
{
    // Outcomes and reasons are closed lists; this bound holds even if a future list is not.
    private const int MaxOutcomes = 200;
    private static readonly FigureOutcome s_others = new("others", null);
    private static readonly Figure[] s_figures = Enum.GetValues<Figure>();

    private readonly long[] _counts = new long[s_figures.Length];
    private readonly Dictionary<FigureOutcome, long> _outcomes = [];
    private LatencyHistogram? _latency;

    public long this[Figure figure] => _counts[(int)figure];

    /// <summary>How often each outcome of an external commit occurred.</summary>
    public IReadOnlyDictionary<FigureOutcome, long> Outcomes => _outcomes;

    /// <summary>
    /// The latency in seconds that a share (0 to 1) of the attempts does not exceed; null without attempts.
    /// </summary>
    public double? Latency(double share) => _latency?.Quantile(share);

    public void Add(Figure figure, long count) => _counts[(int)figure] += count;

    /// <summary>Counts a request.</summary>
    public void Add(RequestAnswered request)
    {
        Add(Figure.Requests, 1);
        if (request.Outcome == RequestOutcomes.Accepted && request.Rejoin is { } rejoin)
            Add(FigureOf(rejoin), 1);
        if (!Attempt.IsExternalCommit(request))
            return;
        Add(new FigureOutcome(request.Outcome, request.Reason), 1);
        if (Attempt.Of(request) is { } attempt)
            Add(attempt);
        else
            Add(Figure.Refused, 1);
    }

    public void Add(FigureCounts other)
    {
        for (int i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        foreach (var (outcome, count) in other._outcomes)
            Add(outcome, count);
        if (other._latency is not null)
            (_latency ??= new()).Add(other._latency);
    }

    private void Add(Attempt attempt)
    {
        Add(Figure.Attempts, 1);
        if (attempt.Result == AttemptResult.Accepted)
            Add(Figure.Accepted, 1);
        if (attempt.Result == AttemptResult.Mismatched)
            Add(Figure.Mismatches, 1);
        if (attempt.Result == AttemptResult.Fault)
            Add(Figure.Faults, 1);
        if (attempt.Latency > TimeSpan.FromMilliseconds(500))
            Add(Figure.Over500Milliseconds, 1);
        if (attempt.Latency > TimeSpan.FromSeconds(1))
            Add(Figure.OverOneSecond, 1);
        (_latency ??= new()).Add(attempt.Latency);
    }

    private void Add(FigureOutcome outcome, long count)
    {
        if (_outcomes.Count >= MaxOutcomes && !_outcomes.ContainsKey(outcome))
            outcome = s_others;
        _outcomes[outcome] = _outcomes.GetValueOrDefault(outcome) + count;
    }

    private static Figure FigureOf(RejoinOutcome rejoin) =>
        !rejoin.Succeeded ? Figure.FailedRejoins
        : rejoin.Way == RejoinWay.Legacy ? Figure.LegacyRejoins
        : Figure.ExternalCommitRejoins;

    /// <summary>The counts as a JSON object: the name of each figure that is not 0, and its count.</summary>
    internal string EncodeCounts() =>
        JsonSerializer.Serialize(
            s_figures
                .Where(figure => this[figure] != 0)
                .ToDictionary(figure => figure.ToString(), figure => this[figure])
        );

    /// <summary>The outcomes as a JSON array of objects: outcome, reason or null, count.</summary>
    internal string EncodeOutcomes() =>
        JsonSerializer.Serialize(
            _outcomes.Select(pair => new OutcomeJson(pair.Key.Outcome, pair.Key.Reason, pair.Value))
        );

    internal byte[] EncodeLatency() => _latency?.Encode() ?? [];

    /// <exception cref="FormatException">The latency is no histogram.</exception>
    /// <exception cref="JsonException">The counts or outcomes are no JSON of this form.</exception>
    internal static FigureCounts Decode(string counts, string outcomes, byte[] latency)
    {
        var decoded = new FigureCounts();
        foreach (var (name, count) in JsonSerializer.Deserialize<Dictionary<string, long>>(counts)!)
            // A later version may have written figures that this one does not know.
            if (Enum.TryParse(name, out Figure figure))
                decoded.Add(figure, count);
        foreach (var outcome in JsonSerializer.Deserialize<List<OutcomeJson>>(outcomes)!)
            decoded.Add(new FigureOutcome(outcome.Outcome, outcome.Reason), outcome.Count);
        if (latency.Length > 0)
            decoded._latency = LatencyHistogram.Decode(latency);
        return decoded;
    }

    private sealed record OutcomeJson(string Outcome, string? Reason, long Count);
}
