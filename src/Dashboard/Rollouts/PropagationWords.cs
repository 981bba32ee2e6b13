using System.Globalization;
using MlsConsole.Core.Rollouts;

namespace MlsConsole.Dashboard.Rollouts;

/// <summary>How far a version of the flag has got, in words.</summary>
internal static class PropagationWords
{
    /// <param name="version">The version that this host follows.</param>
    /// <param name="propagation">What the hosts have written; it may still be about an earlier version.</param>
    /// <param name="running">The names of the hosts that run, as far as is known.</param>
    public static string Of(long version, FlagPropagation propagation, IReadOnlyCollection<string> running)
    {
        if (propagation.Version != version)
            return string.Create(CultureInfo.InvariantCulture, $"version {version}");
        // Until the first figures are read no host is known to run; then those that follow the version stand for all.
        int all = running.Count == 0 ? propagation.Hosts.Count : running.Count;
        int following = running.Count == 0 ? all : running.Count(propagation.Hosts.Contains);
        string after = propagation.Delay is { } time
            ? string.Create(CultureInfo.InvariantCulture, $" after {time.TotalSeconds:0.0} s")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"version {version}, in force on {following} of {all} {(all == 1 ? "host" : "hosts")}{after}"
        );
    }
}
