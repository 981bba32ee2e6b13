using System.Globalization;
using System.Text.Json;

namespace MlsConsole.Fleet;

/// <summary>A target and the value that was measured.</summary>
/// <param name="Judged">Whether the scenario has to meet the target.</param>
internal sealed record Target(string Name, string Value, string Limit, bool Met, bool Judged, bool Latency);

/// <summary>The results of a run.</summary>
internal sealed record Report(
    string Scenario,
    int Seed,
    int Devices,
    int Conversations,
    Figures Figures,
    int Messages,
    int Deliveries,
    int Compared,
    string? Breach,
    bool LatencyFromTurn,
    IReadOnlyList<string> Remarks
)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
    };

    public IReadOnlyList<Target> Targets { get; } = Judge(Scenario, Figures);

    /// <summary>The exit code of the program, as <see cref="Options.Usage"/> explains it.</summary>
    public int ExitCode =>
        Breach is not null ? 3
        : Figures.Rejoins == 0 ? 5
        : Targets.Any(target => target is { Judged: true, Met: false, Latency: false }) ? 2
        : Targets.Any(target => target is { Judged: true, Met: false }) ? 1
        : 0;

    public static Report Of(Crowd crowd, params IReadOnlyList<string> remarks) =>
        new(
            crowd.Options.Scenario,
            crowd.Options.Seed,
            crowd.Devices.Count,
            crowd.Rooms.Count,
            crowd.Statistics.Now(),
            crowd.Ledger.Messages,
            crowd.Ledger.Deliveries,
            crowd.Ledger.Compared,
            crowd.Ledger.Breach,
            crowd.Options.MeetInLine,
            remarks
        );

    private static IReadOnlyList<Target> Judge(string scenario, Figures figures)
    {
        // On a bad network latency says nothing, and commits that come too late are intended.
        bool calm = scenario != "chaos";
        return
        [
            new("success", Percent(figures.Success), "> 99 %", figures.Success > 0.99, true, false),
            new("fallback", Percent(figures.Fallback), "< 1 %", figures.Fallback < 0.01, true, false),
            new("mismatch", Percent(figures.Mismatch), "< 0.5 %", figures.Mismatch < 0.005, calm, false),
            new("P50", Milliseconds(figures.P50), "< 300 ms", !(figures.P50 >= 300), calm, true),
            new("P99", Milliseconds(figures.P99), "< 500 ms", !(figures.P99 >= 500), calm, true),
        ];
    }

    public void Write(TextWriter to)
    {
        to.WriteLine();
        to.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Scenario}, seed {Seed}: {Devices} devices, {Conversations} conversations, {Figures.Seconds:0.0} s"
            )
        );
        to.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Messages:N0} messages accepted, {Deliveries:N0} delivered and checked, {Compared:N0} states compared"
            )
        );
        to.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Figures.Joined:N0} of {Figures.Rejoins:N0} rejoins "
                    + $"with {Figures.ExternalCommits:N0} external commits, {Figures.Mismatches:N0} of them too late; "
                    + $"{Figures.SwitchedOff:N0} where external commits are off"
            )
        );
        if (LatencyFromTurn)
            to.WriteLine(
                "latency counts from the grant of the turn; it was waited for: "
                    + $"P50 {Milliseconds(Figures.WaitP50)}, longest {Milliseconds(Figures.WaitLongest)}"
            );
        to.WriteLine(
            $"done: {List(Figures.Acts)}; refused in races: {List(Figures.Refusals)}; "
                + $"rejoins that failed: {List(Figures.FailedRejoins)}"
        );
        foreach (string remark in Remarks)
            to.WriteLine(remark);
        foreach (var target in Targets)
        {
            string verdict =
                !target.Judged ? "not judged here"
                : Figures.Rejoins == 0 ? "not measured"
                : target.Met ? "met"
                : "MISSED";
            to.WriteLine($"  {target.Name, -10}{target.Value, 12}  target {target.Limit, -9} {verdict}");
        }
        to.WriteLine(Breach is null ? $"invariants hold; verdict: {Verdict}" : $"BROKEN: {Breach}");
    }

    private string Verdict =>
        ExitCode switch
        {
            0 => "every target that it is held to is met",
            5 => "NOTHING WAS MEASURED: no device rejoined",
            _ => "MISSED",
        };

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.00} %");

    private static string Milliseconds(double? value) =>
        value is { } some ? string.Create(CultureInfo.InvariantCulture, $"{some:0} ms") : "-";

    private static string List(IReadOnlyDictionary<string, int> counts) =>
        counts.Count == 0 ? "nothing" : string.Join(", ", counts.Select(one => $"{one.Key} {one.Value}"));
}
