using System.Diagnostics.Metrics;
using MlsConsole.Host.Duties;

namespace MlsConsole.Host.Telemetry;

/// <summary>Tells of each duty of the host when it succeeded last.</summary>
internal sealed class DutyMeter : IDisposable
{
    public const string Name = "MlsConsole.Duties";

    private readonly Meter _meter = new(Name);

    public DutyMeter(IEnumerable<Duty> duties)
    {
        List<Duty> all = [.. duties];
        _meter.CreateObservableGauge(
            "duty_last_success",
            () => all.Select(LastSuccessOf),
            "s",
            "Unix time of the last success of each of the host's background duties; before the first one, of its start."
        );
    }

    public void Dispose() => _meter.Dispose();

    private static Measurement<double> LastSuccessOf(Duty duty) =>
        new(
            duty.LastSuccessOrStart.ToUnixTimeMilliseconds() / 1000.0,
            new KeyValuePair<string, object?>("duty", duty.Name)
        );
}
