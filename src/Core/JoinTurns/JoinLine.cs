namespace MlsConsole.Core.JoinTurns;

/// <summary>A conversation's line of joiners, first come first served: values in, a line out. Whoever acts writes the difference.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Epoch">Its epoch when the line was read.</param>
/// <param name="Places">In the order of the line.</param>
internal sealed record JoinLine(string ConvoId, long Epoch, IReadOnlyList<JoinPlace> Places)
{
    /// <summary>How long a request waits for its turn, how long a place is kept for a device that does not wait, how long unused turns are remembered.</summary>
    public static readonly TimeSpan Wait = TimeSpan.FromSeconds(5),
        Kept = TimeSpan.FromSeconds(10),
        Memory = TimeSpan.FromHours(1);

    /// <summary>So many unused turns, one after the other, bar a device from the line.</summary>
    public const int MaxUnused = 3;

    /// <summary>Longer the line does not get: who comes then has to come again.</summary>
    public const int MaxPlaces = 1000;

    /// <summary>How long a turn lasts: a joiner verifies and sends the whole tree.</summary>
    public static TimeSpan TurnLength(int leaves) => TimeSpan.FromMilliseconds(1000 + 2 * leaves);

    public JoinPlace? Of(long device) => Places.FirstOrDefault(place => place.DeviceRow == device);

    /// <summary>How many are before a device, at least 1: nobody who asks has the turn.</summary>
    public int PositionOf(long device) =>
        Math.Max(1, Places.Where(place => place.Place > 0).TakeWhile(place => place.DeviceRow != device).Count());

    /// <summary>The line as time has left it: turns are over, places were not kept, unused turns are forgotten.</summary>
    public JoinLine At(DateTimeOffset now) =>
        With(
            Places.Select(place =>
                place switch
                {
                    { Place: 0 } => now < place.Until ? place : null,
                    { HasTurn: true } when now < place.Until => place,
                    // Overtaken by somebody's commit, it keeps its place.
                    { HasTurn: true } when place.Epoch < Epoch => Waiting(place with { TurnId = null }, now),
                    { HasTurn: true } => now < place.Until + Memory
                        ? place with
                        {
                            Place = 0,
                            TurnId = null,
                            Until = place.Until + Memory,
                            Unused = place.Unused + 1,
                        }
                        : null,
                    _ => Waiting(place, now),
                }
            )
        );

    /// <summary>Who is next, of a line as it is now: the first whose request waits, if nobody has the turn.</summary>
    public JoinPlace? Next(DateTimeOffset now) =>
        Places.Any(place => place.HasTurn)
            ? null
            : Places.FirstOrDefault(place => place.Place > 0 && now < place.Until);

    /// <summary>Gives a device of the line the turn.</summary>
    public JoinLine Give(long device, string turnId, DateTimeOffset now, TimeSpan length) =>
        With(
            Places.Select(place =>
                place.DeviceRow == device ? place with { TurnId = turnId, Until = now + length, Epoch = Epoch } : place
            )
        );

    /// <summary>A device asks for its turn. Afterwards it has the turn, or waits, or is barred (its place is 0), or is not there, because the line is full.</summary>
    public JoinLine Enter(long device, string turnId, DateTimeOffset now, TimeSpan length)
    {
        var line = At(now);
        var own = line.Of(device);
        // Who was overtaken by a commit gets the whole time again, else the turn goes on.
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

    /// <summary>A device's request has gone: its place is kept from now on.</summary>
    public JoinLine Leave(long device, DateTimeOffset now) =>
        With(
            Places.Select(place =>
                place.DeviceRow == device && !place.HasTurn && now < place.Until ? place with { Until = now } : place
            )
        );

    /// <summary>A turn that nobody was there to get goes back.</summary>
    public JoinLine Return(string turnId, DateTimeOffset now) =>
        With(Places.Select(place => place.TurnId == turnId ? place with { TurnId = null, Until = now } : place));

    private static JoinPlace? Waiting(JoinPlace place, DateTimeOffset now) =>
        now < place.Until + Kept ? place
        : place.Unused > 0 ? place with { Place = 0, Until = now + Memory }
        : null;

    private JoinLine With(IEnumerable<JoinPlace?> places) =>
        this with
        {
            Places = [.. places.OfType<JoinPlace>().OrderBy(place => place.Place).ThenBy(place => place.DeviceRow)],
        };
}
