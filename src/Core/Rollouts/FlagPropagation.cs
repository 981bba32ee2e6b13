namespace MlsConsole.Core.Rollouts;

/// <summary>How far a version of the flag has got.</summary>
/// <param name="Version">The version.</param>
/// <param name="Hosts">The names of the hosts that have taken the version over.</param>
/// <param name="Delay">
/// The time from the change until the last of the hosts that ran at the change had taken it over; null if none of them
/// has said so.
/// </param>
public sealed record FlagPropagation(long Version, IReadOnlyCollection<string> Hosts, TimeSpan? Delay)
{
    internal static FlagPropagation None { get; } = new(0, [], null);
}
