namespace MlsConsole.Core.Figures;

/// <summary>
/// The sums of a range of time in slots of equal length; older slots make room for newer ones. Not safe for several
/// threads.
/// </summary>
/// <param name="range">The range, which has <see cref="Slots"/> slots.</param>
internal sealed class FigureRing(FigureRange range)
{
    /// <summary>Slots in a range. The last one is the running one.</summary>
    public const int Slots = 60;

    private readonly Slot?[] _slots = new Slot?[Slots];
    private readonly long _stepsPerSlot = (long)range.Length.TotalSeconds / Slots / FigureStep.Seconds;

    private sealed record Slot(long Number, FigureTable Table);

    public FigureRange Range => range;

    /// <summary>Adds a step, unless it is older than the range.</summary>
    public void Add(FigureStep step)
    {
        long number = step.Number / _stepsPerSlot;
        ref var slot = ref _slots[number % Slots];
        if (slot is not null && slot.Number > number)
            return;
        if (slot is null || slot.Number < number)
            slot = new(number, new());
        slot.Table.Add(step.Cohort, step.Counts);
    }

    /// <summary>
    /// The slots up to the one that <paramref name="now"/> is in, oldest first, each with its start; a slot in which
    /// nothing was counted has no table.
    /// </summary>
    /// <param name="now">The time at which the range ends.</param>
    /// <param name="extra">Steps that are not in the ring and belong to the result.</param>
    public IReadOnlyList<(DateTimeOffset At, FigureTable? Table)> Until(
        DateTimeOffset now,
        IReadOnlyList<FigureStep> extra
    )
    {
        long last = FigureStep.NumberOf(now) / _stepsPerSlot;
        var result = new (DateTimeOffset, FigureTable?)[Slots];
        for (int i = 0; i < Slots; i++)
        {
            long number = last - Slots + 1 + i;
            var table = _slots[number % Slots] is { } slot && slot.Number == number ? slot.Table : null;
            foreach (var step in extra.Where(step => SlotOf(step, last) == number))
            {
                var more = new FigureTable();
                if (table is not null)
                    more.Add(table);
                more.Add(step.Cohort, step.Counts);
                table = more;
            }
            result[i] = (FigureStep.StartOf(number * _stepsPerSlot), table);
        }
        return result;
    }

    /// <summary>
    /// The slot of a step. What was counted an instant after the range's end belongs to its last slot.
    /// </summary>
    private long SlotOf(FigureStep step, long last) => Math.Min(last, step.Number / _stepsPerSlot);
}
