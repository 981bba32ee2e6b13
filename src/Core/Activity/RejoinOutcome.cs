namespace MlsConsole.Core.Activity;

/// <summary>The way by which a device came back into its group, or tried to.</summary>
public enum RejoinWay
{
    ExternalCommit,
    Legacy,
}

/// <summary>How a rejoin ended, as the client told it.</summary>
/// <param name="Way">The way that was tried last.</param>
/// <param name="Succeeded">Whether the device is back in its group.</param>
/// <param name="Attempts">How many attempts the rejoin took, by all ways together.</param>
/// <param name="Elapsed">From the first attempt to the end.</param>
/// <param name="LastError">
/// The name of the last error that the client met, letters only; null if there was none.
/// </param>
public sealed record RejoinOutcome(RejoinWay Way, bool Succeeded, int Attempts, TimeSpan Elapsed, string? LastError);
