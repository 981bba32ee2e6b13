namespace MlsConsole.Core.Activity;

/// <summary>By which way a device came back, or tried to.</summary>
public enum RejoinWay
{
    ExternalCommit,
    Legacy,
}

/// <param name="Way">The way that was tried last.</param>
/// <param name="Succeeded">Whether the device is back in its group.</param>
/// <param name="Attempts">How many it took, all ways together.</param>
/// <param name="Elapsed">From the first attempt to the end.</param>
/// <param name="LastError">The name of the last error that the client met, letters only; null if there was none.</param>
public sealed record RejoinOutcome(RejoinWay Way, bool Succeeded, int Attempts, TimeSpan Elapsed, string? LastError);
