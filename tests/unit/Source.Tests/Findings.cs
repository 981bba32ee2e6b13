namespace MlsConsole.Source.Tests;

/// <summary>What a test of the sources has found against a rule.</summary>
internal static class Findings
{
    /// <summary>
    /// Fails if there is a finding, with one line for each; xunit's message about a collection shows the first five.
    /// </summary>
    public static void None(string rule, IEnumerable<string> findings)
    {
        var all = findings.ToList();
        if (all.Count > 0)
            Assert.Fail($"{rule} {all.Count} found:\n{string.Join('\n', all)}");
    }
}
