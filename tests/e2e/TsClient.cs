using System.Diagnostics;
using System.Text.Json;

namespace MlsConsole.E2e;

/// <summary>The client on ts-mls in <c>ts/</c>, run with Node.</summary>
internal static class TsClient
{
    /// <summary>Skips the test where Node 20 or the npm packages are missing; with CI=true that is a failure.</summary>
    public static void Require()
    {
        var missing = Missing();
        if (missing is not null && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(missing);
        Skip.If(missing is not null, missing);
    }

    /// <summary>Whether Node 20 and the npm packages are there.</summary>
    public static bool Available => Missing() is null;

    /// <summary>Runs one scenario of cli.mjs to its end.</summary>
    /// <returns>The JSON lines that it printed; the last one has <c>result: passed</c>.</returns>
    public static Task<IReadOnlyList<JsonElement>> Run(params string[] arguments) => RunTrusting(null, arguments);

    /// <summary>Runs one scenario like <see cref="Run"/>.</summary>
    /// <param name="authority">The file of a certificate authority to trust; null for the usual ones.</param>
    /// <param name="arguments">Of cli.mjs.</param>
    public static async Task<IReadOnlyList<JsonElement>> RunTrusting(string? authority, params string[] arguments)
    {
        using var process = StartTrusting(authority, arguments);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse).ToList();
        Assert.True(
            process.ExitCode == 0,
            $"cli.mjs {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{output}{await errors}"
        );
        Assert.Equal("passed", lines[^1].GetProperty("result").GetString());
        return lines;
    }

    public static Process Start(params string[] arguments) => StartTrusting(null, arguments);

    /// <summary>Starts a script of <c>ts/</c>.</summary>
    public static Process StartScript(string script, params string[] arguments) =>
        StartTrusting(null, script, arguments);

    public static Process StartTrusting(string? authority, params string[] arguments) =>
        StartTrusting(authority, "cli.mjs", arguments);

    private static Process StartTrusting(string? authority, string script, string[] arguments)
    {
        var start = new ProcessStartInfo(Node, [script, .. arguments])
        {
            WorkingDirectory = Repository.TsClientFolder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (authority is not null)
            start.Environment["NODE_EXTRA_CA_CERTS"] = authority;
        return Process.Start(start)!;
    }

    public static JsonElement Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    private static string Node => Environment.GetEnvironmentVariable("MLSCONSOLE_NODE") ?? "node";

    private static string? Missing()
    {
        if (!Directory.Exists(Path.Combine(Repository.TsClientFolder, "node_modules")))
            return "The npm packages of tests/e2e/ts are not installed: npm ci.";
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(Node, ["--version"]) { RedirectStandardOutput = true }
            )!;
            var version = process.StandardOutput.ReadToEnd().Trim();
            return int.Parse(version.TrimStart('v').Split('.')[0]) >= 20
                ? null
                : $"Node 20 or later is needed, not {version}.";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "Node 20 or later is not installed.";
        }
    }
}
