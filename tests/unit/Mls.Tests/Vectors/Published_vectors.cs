using System.Globalization;
using System.Text;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Every case of every file of test vectors. Without the files the tests are skipped, or fail with CI=true or if
/// MLSCONSOLE_VECTORS names their folder.
/// </summary>
[Trait("Category", "Vectors")]
public class Published_vectors
{
    internal static readonly Lazy<IReadOnlyList<VectorFile>> Files = new(() =>
        VectorFile.In(VectorFiles.Folder ?? "../shared/mls-vectors")
    );

    public static TheoryData<string, int> Cases
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var file in Files.Value)
                for (int i = 0; i < Math.Max(1, file.Count); i++)
                    data.Add(file.Name, i);
            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Cases))]
    public void The_case_passes(string file, int index)
    {
        SkipIfAbsent();
        var vectors = Files.Value.Single(vectors => vectors.Name == file);
        if (vectors.Problem is not null)
            Assert.Fail(vectors.Problem);
        var outcome = vectors.Outcomes[index];
        if (outcome.Failure is not null)
            Assert.Fail($"{vectors.Kind}, suite {outcome.Suite}: {outcome.Failure}");
    }

    /// <summary>
    /// Writes docs/conformance.md if MLSCONSOLE_TABLES is "write", to which <c>./test --vectors</c> sets it; otherwise
    /// compares it.
    /// </summary>
    [SkippableFact]
    public void The_table_in_the_documentation_is_that_of_the_run()
    {
        SkipIfAbsent();
        string table = Table(Files.Value);
        Assert.All(
            Files.Value,
            file =>
                Assert.True(file.Problem is null && file.Outcomes.All(outcome => outcome.Failure is null), file.Name)
        );
        if (VectorFiles.IsChosen)
            return;
        string path = Path.Combine(VectorFiles.Repository!, "docs", "conformance.md");
        if (Environment.GetEnvironmentVariable("MLSCONSOLE_TABLES") == "write")
            File.WriteAllText(path, table);
        else
            Assert.Equal(table, File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    /// <summary>Cases passed by file and suite, as Markdown.</summary>
    internal static string Table(IReadOnlyList<VectorFile> files)
    {
        var suites = files
            .SelectMany(file => file.Outcomes)
            .Select(outcome => outcome.Suite)
            .OfType<ushort>()
            .Distinct()
            .Order()
            .ToList();
        var text = new StringBuilder(
            "# Conformance\n\nTest vectors of the MLS working group that pass, of those in the file, by cipher suite. "
                + "Written by `./test --vectors`.\n\n"
        );
        text.Append("| file | cases |")
            .AppendJoin("", suites.Select(suite => string.Create(CultureInfo.InvariantCulture, $" 0x{suite:X4} |")))
            .Append(" no suite |\n");
        text.Append("|---|--:|").Insert(text.Length, "--:|", suites.Count + 1).Append('\n');
        foreach (var file in files)
            Row(file.Name, file.Outcomes);
        Row("all", [.. files.SelectMany(file => file.Outcomes)]);
        return text.ToString();

        void Row(string name, IReadOnlyList<VectorOutcome> outcomes)
        {
            text.Append("| ").Append(name).Append(" | ").Append(Passed(outcomes)).Append(" |");
            foreach (ushort? suite in suites.Select(suite => (ushort?)suite).Append(null))
                text.Append(' ').Append(Passed([.. outcomes.Where(outcome => outcome.Suite == suite)])).Append(" |");
            text.Append('\n');
        }
    }

    private static string Passed(IReadOnlyCollection<VectorOutcome> outcomes) =>
        outcomes.Count == 0
            ? ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{outcomes.Count(outcome => outcome.Failure is null)} of {outcomes.Count}"
            );

    internal static void SkipIfAbsent()
    {
        bool absent = VectorFiles.Folder is null || !Directory.Exists(VectorFiles.Folder);
        Skip.If(
            absent && !VectorFiles.IsChosen && Environment.GetEnvironmentVariable("CI") != "true",
            "The test vectors are absent: set MLSCONSOLE_VECTORS to their folder."
        );
    }
}
