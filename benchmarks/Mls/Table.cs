using System.Globalization;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>A table whose rows are printed as they come, and all together in Markdown at the end.</summary>
internal sealed class Table
{
    private readonly List<string[]> _rows =
    [
        ["operation", "N", "time", "/ V", "/ D", "/ (V + D)", "target", "met", "allocated"],
    ];

    /// <summary>Whether every target was met.</summary>
    public bool AllMet { get; private set; } = true;

    public void Add(string operation, int members, Figures figures, (string Text, bool Met)? target)
    {
        if (target is { Met: false })
            AllMet = false;
        string[] row =
        [
            operation,
            Format($"{members:N0}"),
            Time(figures.Time),
            Ratio(figures.InV),
            Ratio(figures.InD),
            Ratio(figures.InBoth),
            target?.Text ?? "",
            target is { } known
                ? known.Met
                    ? "yes"
                    : "NO"
                : "",
            Size(figures.Allocated),
        ];
        _rows.Add(row);
        Console.Error.WriteLine(string.Join("  ", row));
    }

    public void Print()
    {
        var widths = _rows[0].Select((_, column) => _rows.Max(row => row[column].Length)).ToArray();
        for (int i = 0; i < _rows.Count; i++)
        {
            Console.WriteLine(
                "| "
                    + string.Join(
                        " | ",
                        _rows[i]
                            .Select(
                                (cell, column) =>
                                    column is 0 or 6 or 7 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column])
                            )
                    )
                    + " |"
            );
            if (i == 0)
                Console.WriteLine(
                    "|"
                        + string.Join(
                            "|",
                            widths.Select(
                                (width, column) => new string('-', width + 1) + (column is 0 or 6 or 7 ? "-" : ":")
                            )
                        )
                        + "|"
                );
        }
    }

    public static string Time(double nanoseconds) =>
        nanoseconds < 1e6 ? Format($"{nanoseconds / 1e3:0.0} us") : Format($"{nanoseconds / 1e6:0.00} ms");

    public static string Size(long bytes) =>
        bytes < 10 << 20 ? Format($"{bytes / 1024.0:N1} KiB") : Format($"{bytes / 1048576.0:N1} MiB");

    private static string Ratio(double ratio) => ratio < 100 ? Format($"{ratio:0.00}") : Format($"{ratio:N0}");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
