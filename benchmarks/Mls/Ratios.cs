namespace MlsConsole.Mls.Benchmarks;

/// <summary>
/// Measures all operations at all sizes, prints them as one table, and compares them with their targets.
/// </summary>
internal sealed class Ratios(IReadOnlyList<int> sizes, double budget)
{
    private const double OneCoreJoin = 1.15,
        TwoCoreJoin = 0.65;
    private readonly References _references = new();
    private readonly Table _table = new();

    public bool Run()
    {
        foreach (int members in sizes)
        {
            Populated(new(new(members, populated: true)));
            Fresh(new(new(members, populated: false)));
        }
        _table.Print();
        Console.WriteLine(_references.Describe());
        return _table.AllMet;
    }

    private Figures _stageAt100 = null!;

    private void Populated(Operations at)
    {
        int n = at.Members;
        var stage = Measure(at.Stage);
        if (n == 100)
            _stageAt100 = stage;
        _table.Add(
            "server stages an external commit",
            n,
            stage,
            n switch
            {
                1000 => Target("<= 5 V", stage.InV <= 5),
                10_000 when _stageAt100 is not null => Target(
                    $"<= 1.5 x at 100 ({stage.InV / _stageAt100.InV:0.00})",
                    stage.InV <= 1.5 * _stageAt100.InV
                ),
                _ => null,
            }
        );
        if (n == 10_000)
            _table.Add("  its allocations", n, stage, Target("<= 64 KiB", stage.Allocated <= 64 << 10));

        var process = Measure(at.Process);
        _table.Add(
            "member processes an external commit",
            n,
            process,
            n == 1000 ? Target("<= 12 (V + D)", process.InBoth <= 12) : null
        );

        bool judged = n is 1000 or 10_000;
        var join = Measure(at.Join(1));
        _table.Add(
            "joiner verifies and commits, one core",
            n,
            join,
            judged ? Target($"<= 1.15 N V ({join.InV / n:0.000})", join.InV <= OneCoreJoin * n) : null
        );
        if (judged)
        {
            var two = Figures.Of(_references, at.Join(2), Clock.Wall, budget);
            _table.Add(
                "joiner verifies and commits, two cores",
                n,
                two,
                Target(
                    $"<= 0.65 of that ({two.InV / (OneCoreJoin * n):0.00})",
                    two.InV <= TwoCoreJoin * OneCoreJoin * n
                )
            );
            _table.Add("  one core, no tree in its GroupInfo", n, Measure(at.Join(1, treeInGroupInfo: false)), null);
        }
        var decode = Measure(at.Decode);
        _table.Add("decode of GroupInfo and tree", n, decode, n == 1000 ? Target("<= 40 V", decode.InV <= 40) : null);
    }

    private void Fresh(Operations at)
    {
        _table.Add("fresh tree: server stages", at.Members, Measure(at.Stage), null);
        _table.Add("fresh tree: member processes", at.Members, Measure(at.Process), null);
        _table.Add("fresh tree: joiner, one core", at.Members, Measure(at.Join(1)), null);
    }

    private Figures Measure(Func<Action> prepare) => Figures.Of(_references, prepare, Clock.OneCore, budget);

    private static (string, bool)? Target(string text, bool met) => (text, met);
}
