using System.Collections.Concurrent;
using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>What came of one case.</summary>
/// <param name="Suite">Its cipher suite; null where the kind has none or the case does not say.</param>
/// <param name="Failure">Why it failed; null if it passed.</param>
internal sealed record VectorOutcome(ushort? Suite, string? Failure, PublicCommits Public);

/// <summary>One file of test vectors. Its cases run once, whoever asks first.</summary>
internal sealed class VectorFile
{
    private readonly IReadOnlyList<JsonElement> _cases = [];
    private readonly VectorKind? _kind;
    private readonly Lazy<IReadOnlyList<VectorOutcome>> _outcomes;

    private VectorFile(string name, string? problem, VectorKind? kind, IReadOnlyList<JsonElement> cases)
    {
        (Name, Problem, _kind, _cases) = (name, problem, kind, cases);
        _outcomes = new(Run);
    }

    /// <summary>The path below the folder, with slashes.</summary>
    public string Name { get; }

    /// <summary>Why no case of it can run; null if they can.</summary>
    public string? Problem { get; }
    public string? Kind => _kind?.Name;
    public int Count => _cases.Count;
    public IReadOnlyList<VectorOutcome> Outcomes => _outcomes.Value;

    /// <summary>
    /// Every <c>*.json</c> in a folder and those below it, in the order of their names. A folder without such a file is
    /// a problem, and so is a file of no known kind.
    /// </summary>
    public static IReadOnlyList<VectorFile> In(string folder)
    {
        if (!Directory.Exists(folder))
            return [new(folder, "There is no such folder.", null, [])];
        var names = Directory
            .EnumerateFiles(folder, "*.json", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Order(StringComparer.Ordinal)
            .ToList();
        return names.Count == 0
            ? [new(folder, "There is no test vector (*.json) in this folder.", null, [])]
            : names.ConvertAll(name => Load(folder, name));
    }

    private static VectorFile Load(string folder, string name)
    {
        VectorFile Bad(string problem) => new(name, problem, null, []);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name)));
            var root = document.RootElement.Clone();
            if (root.ValueKind != JsonValueKind.Array)
                return Bad("The file is not a list of cases.");
            var cases = root.EnumerateArray().ToList();
            if (cases.Count == 0)
                return Bad("The file has no case.");
            return VectorKind.Of(name, cases[0]) is { } kind
                ? new(name, null, kind, cases)
                : Bad("The keys of its first case are those of no known kind of vector.");
        }
        catch (JsonException e)
        {
            return Bad("The file is not JSON: " + e.Message);
        }
    }

    private VectorOutcome[] Run()
    {
        var outcomes = new VectorOutcome[_cases.Count];
        // Loose partitions: single cases differ a hundredfold in length.
        Parallel.ForEach(
            Partitioner.Create(Enumerable.Range(0, outcomes.Length), EnumerablePartitionerOptions.NoBuffering),
            i => outcomes[i] = Run(_cases[i])
        );
        return outcomes;
    }

    private VectorOutcome Run(JsonElement test)
    {
        ushort? id = null;
        try
        {
            if (_kind!.HasSuite)
                id = test.GetProperty("cipher_suite").GetUInt16();
            return new(id, null, _kind.Check(id is { } suite ? CipherSuite.Get(suite) : null, test));
        }
#pragma warning disable CA1031 // Whatever it throws, the case has failed.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new(id, e.ToString(), default);
        }
    }
}
