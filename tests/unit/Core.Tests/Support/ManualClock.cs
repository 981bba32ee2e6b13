namespace MlsConsole.Core.Tests;

/// <summary>The time of day, moved on by a test.</summary>
public sealed class ManualClock : TimeProvider
{
    private TimeSpan _ahead;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _ahead;

    public void Advance(TimeSpan by) => _ahead += by;
}
