namespace MlsConsole.Core.Figures;

/// <summary>What is known of a host.</summary>
public enum HostState
{
    /// <summary>The host wrote its figures lately.</summary>
    Live,

    /// <summary>The host has not written its figures for a while, and has not said that it stops.</summary>
    Silent,

    /// <summary>The host has stopped, and had written everything that it counted.</summary>
    Stopped,

    /// <summary>
    /// The host was started again without having stopped: what it answered in its last five seconds is not counted.
    /// </summary>
    Killed,
}

/// <summary>A run of a host, as another host or this one sees it.</summary>
/// <param name="Name">The host's name.</param>
/// <param name="State">What is known of the host.</param>
/// <param name="SeenAt">When the host wrote its figures last, by its own clock.</param>
/// <param name="Age">The time since then.</param>
public sealed record HostView(string Name, HostState State, DateTimeOffset SeenAt, TimeSpan Age)
{
    /// <summary>A host that has not written for so long is silent: it has missed two writes.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The hosts that ran in the time that is looked at: the running ones, and of the former runs those whose last
    /// figures may be missing.
    /// </summary>
    internal static IReadOnlyList<HostView> Of(IEnumerable<HostRow> rows, DateTimeOffset from, DateTimeOffset now) =>
        [
            .. rows.GroupBy(row => row.Name, StringComparer.Ordinal)
                .SelectMany(runs =>
                {
                    var lastStart = runs.Max(row => row.StartedAt);
                    return runs.Select(row => Of(row, lastStart, now));
                })
                .Where(view => view.SeenAt >= from && view.State != HostState.Stopped || view.State == HostState.Live)
                .OrderBy(view => view.Name, StringComparer.Ordinal)
                .ThenBy(view => view.SeenAt),
        ];

    private static HostView Of(HostRow row, DateTimeOffset lastStart, DateTimeOffset now)
    {
        TimeSpan age = now > row.SeenAt ? now - row.SeenAt : TimeSpan.Zero;
        var state =
            row.StoppedAt is not null ? HostState.Stopped
            // Two hosts of one name that both run are seen after the start of the later one.
            : row.SeenAt < lastStart ? HostState.Killed
            : age > Silence ? HostState.Silent
            : HostState.Live;
        return new(row.Name, state, row.SeenAt, age);
    }
}
