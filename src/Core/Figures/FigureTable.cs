namespace MlsConsole.Core.Figures;

/// <summary>Counts by cohort. Not safe for several threads while something is added.</summary>
public sealed class FigureTable
{
    private static readonly Cohort[] s_cohorts = Enum.GetValues<Cohort>();

    private readonly FigureCounts?[] _counts = new FigureCounts?[s_cohorts.Length];

    /// <summary>The cohorts of which something was counted.</summary>
    public IEnumerable<Cohort> Cohorts => s_cohorts.Where(cohort => _counts[(int)cohort] is not null);

    /// <summary>What was counted of a cohort; nothing if the cohort was not met.</summary>
    public FigureCounts Of(Cohort cohort) => _counts[(int)cohort] ?? new();

    public void Add(Cohort cohort, FigureCounts counts) => (_counts[(int)cohort] ??= new()).Add(counts);

    public void Add(FigureTable other)
    {
        foreach (var cohort in other.Cohorts)
            Add(cohort, other._counts[(int)cohort]!);
    }

    /// <summary>The sum over all cohorts.</summary>
    public FigureCounts Sum()
    {
        var sum = new FigureCounts();
        foreach (var counts in _counts)
            if (counts is not null)
                sum.Add(counts);
        return sum;
    }
}
