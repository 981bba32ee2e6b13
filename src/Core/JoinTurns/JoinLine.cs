namespace MlsConsole.Core.JoinTurns;

/// <summary>
/// A conversation's line of joiners, first come, first served (delivery-service §6.3). It is immutable: each method
/// returns a new line, and <see cref="JoinTurnConductor"/> writes the difference between two lines to the database.
/// </summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Epoch">The conversation's epoch when the line was read.</param>
/// <param name="Places">The places in the order of the line; first come the devices that are only remembered.</param>
internal sealed record JoinLine(string ConvoId, long Epoch, IReadOnlyList<JoinPlace> Places)
{
    /// <summary>How long a request waits for its turn.</summary>
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    /// <summary>How long a place is kept for a device that has no waiting request.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromSeconds(10);

    /// <summary>How long the unused turns of a device are remembered.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromHours(1);

    /// <summary>A device that left so many turns unused, one after the other, is barred from the line.</summary>
    public const int MaxUnused = 3;

    /// <summary>The largest number of places. A device that finds the line full has to ask again later.</summary>
    public const int MaxPlaces = 1000;

    /// <summary>
    /// How long a turn lasts: the longer, the larger the group is, because a joiner verifies the whole tree.
    /// </summary>
    /// <param name="leaves">The number of leaves in the group.</param>
    public static TimeSpan TurnLength(int leaves) => TimeSpan.FromMilliseconds(1000 + 2 * leaves);

    /// <summary>The place of a device; null if the line does not have the device.</summary>
    public JoinPlace? Of(long device) => Places.FirstOrDefault(place => place.DeviceRow == device);

    /// <summary>
    /// How many devices are before a waiting device in line. It is at least 1: a device that waits does not have the
    /// turn yet, even if it is the first in line.
    /// </summary>
    public int PositionOf(long device) =>
        Math.Max(1, Places.Where(place => place.Place > 0).TakeWhile(place => place.DeviceRow != device).Count());

    /// <summary>
    /// The line as it is at a time after it was read: turns have ended, places are not kept any longer, unused turns
    /// are forgotten.
    /// </summary>
    public JoinLine At(DateTimeOffset now) =>
        With(
            Places.Select(place =>
                place switch
                {
                    { Place: 0 } => now < place.Until ? place : null,
                    { HasTurn: true } when now < place.Until => place,
                    // A device whose turn was overtaken by somebody's commit keeps its place.
                    { HasTurn: true } when place.Epoch < Epoch => AfterWaiting(place with { TurnId = null }, now),
                    { HasTurn: true } => AfterUnusedTurn(place, now),
                    _ => AfterWaiting(place, now),
                }
            )
        );

    /// <summary>
    /// The place that gets the turn next: the first whose request waits. Null if a device has the turn, or no request
    /// waits. The line has to be the line at this time (<see cref="At"/>).
    /// </summary>
    public JoinPlace? Next(DateTimeOffset now) =>
        Places.Any(place => place.HasTurn)
            ? null
            : Places.FirstOrDefault(place => place.Place > 0 && now < place.Until);

    /// <summary>Gives the turn to a device of the line.</summary>
    /// <param name="device">The row of the device.</param>
    /// <param name="turnId">The id of the turn.</param>
    /// <param name="now">The current time, when the turn begins.</param>
    /// <param name="length">How long the turn lasts.</param>
    public JoinLine Give(long device, string turnId, DateTimeOffset now, TimeSpan length) =>
        With(
            Places.Select(place =>
                place.DeviceRow == device ? place with { TurnId = turnId, Until = now + length, Epoch = Epoch } : place
            )
        );

    /// <summary>
    /// A device asks for its turn. In the line that is returned, the device has the turn, or it waits, or it is barred
    /// (its place is 0), or it has no place because the line is full.
    /// </summary>
    /// <param name="device">The row of the device.</param>
    /// <param name="turnId">The id of the turn, if the device gets the turn now.</param>
    /// <param name="now">The current time.</param>
    /// <param name="length">How long the turn lasts, if the device gets the turn now.</param>
    public JoinLine Enter(long device, string turnId, DateTimeOffset now, TimeSpan length)
    {
        var line = At(now);
        var own = line.Of(device);
        // If a commit has overtaken the device's turn, the device gets the whole time again. Otherwise the turn goes
        // on.
        if (own is { HasTurn: true })
            return own.Epoch < Epoch ? line.Give(device, own.TurnId!, now, length) : line;
        if (own is { Place: 0, Unused: >= MaxUnused })
            return line;
        if (own is null or { Place: 0 })
        {
            var places = line.Places.Where(place => place.Place > 0).ToList();
            if (places.Count >= MaxPlaces)
                return line.With(line.Places.Where(place => place != own));
            own = new()
            {
                ConvoId = ConvoId,
                DeviceRow = device,
                Place = places.Count == 0 ? 1 : places[^1].Place + 1,
                Unused = own?.Unused ?? 0,
            };
        }
        line = line.With([.. line.Places.Where(place => place.DeviceRow != device), own with { Until = now + Wait }]);
        return line.Next(now)?.DeviceRow == device ? line.Give(device, turnId, now, length) : line;
    }

    /// <summary>
    /// The request of a waiting device has gone, and the time for which its place is kept begins now.
    /// </summary>
    public JoinLine Leave(long device, DateTimeOffset now) =>
        With(
            Places.Select(place =>
                place.DeviceRow == device && !place.HasTurn && now < place.Until ? place with { Until = now } : place
            )
        );

    /// <summary>
    /// Takes back a turn that was given when the device's request had gone already. The turn does not count as unused.
    /// </summary>
    public JoinLine Return(string turnId, DateTimeOffset now) =>
        With(Places.Select(place => place.TurnId == turnId ? place with { TurnId = null, Until = now } : place));

    /// <summary>
    /// What becomes of the place of a device whose turn has ended unused: the device is remembered for it, and then
    /// forgotten.
    /// </summary>
    private static JoinPlace? AfterUnusedTurn(JoinPlace place, DateTimeOffset now) =>
        now < place.Until + Memory
            ? place with
            {
                Place = 0,
                TurnId = null,
                Until = place.Until + Memory,
                Unused = place.Unused + 1,
            }
            : null;

    /// <summary>
    /// What becomes of the place of a device that waits or waited: the place is kept for a while after the request has
    /// gone, and then given up. A device that has unused turns is remembered for them.
    /// </summary>
    private static JoinPlace? AfterWaiting(JoinPlace place, DateTimeOffset now) =>
        now < place.Until + Kept ? place
        : place.Unused > 0 ? place with { Place = 0, Until = now + Memory }
        : null;

    private JoinLine With(IEnumerable<JoinPlace?> places) =>
        this with
        {
            Places = [.. places.OfType<JoinPlace>().OrderBy(place => place.Place).ThenBy(place => place.DeviceRow)],
        };
}
