using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>A person starts <c>./run</c> and opens the address that <c>./run</c> prints.</summary>
[Trait("Category", "Browser")]
public sealed partial class RunJourney
{
    /// <summary>The time after which a test gives up; how long a run takes is not judged here.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    [SkippableFact]
    public async Task The_console_that_run_starts_shows_the_traffic_of_the_demo_fleet_and_both_end_with_it()
    {
        Require();
        using var run = new Run();
        using var limit = new CancellationTokenSource(s_limit);
        string address = await run.AddressAsync(limit.Token);

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Launch(playwright);
        var page = await browser.NewPageAsync();
        await page.GotoAsync(address);
        // The fleet creates conversations and its devices rejoin; nothing else calls this host.
        await Assertions
            .Expect(page.GetByTestId("headline"))
            .ToContainTextAsync("external commits accepted", new() { Timeout = (float)s_limit.TotalMilliseconds });
        await Assertions
            .Expect(page.GetByText("processExternalCommit").First)
            .ToBeVisibleAsync(new() { Timeout = (float)s_limit.TotalMilliseconds });

        string output = await run.StopAsync(limit.Token);
        Assert.DoesNotContain("exception", output, StringComparison.OrdinalIgnoreCase);
        string log = await File.ReadAllTextAsync(Path.Combine(run.Folder, "console.fleet.log"), limit.Token);
        Assert.Contains("invariants hold", log, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_stop_with_pages_open_logs_no_exception()
    {
        Require();
        using var run = new Run("--no-fleet");
        using var limit = new CancellationTokenSource(s_limit);
        string address = await run.AddressAsync(limit.Token);

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Launch(playwright);
        var context = await browser.NewContextAsync();
        for (int i = 0; i < 3; i++)
        {
            var page = await context.NewPageAsync();
            // The address signs the browser in once.
            await page.GotoAsync(i == 0 ? address : new Uri(new Uri(address), "/").ToString());
            await page.GetByTestId("headline").WaitForAsync();
        }

        string output = await run.StopAsync(limit.Token);
        Assert.DoesNotContain("exception", output, StringComparison.OrdinalIgnoreCase);
    }

    private static void Require()
    {
        Chromium.Require();
        Skip.If(OperatingSystem.IsWindows(), "./run is for bash.");
    }

    private static Task<IBrowser> Launch(IPlaywright playwright) =>
        playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments });

    /// <summary><c>./run</c> on a free port, with a database in a folder of its own.</summary>
    private sealed class Run : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlsconsole-run-");
        private readonly Process _process;
        private readonly Task<string> _errors;
        private Task<string>? _rest;

        public Run(params string[] options)
        {
            string database = Path.Combine(Folder, "console.db");
            var start = new ProcessStartInfo(
                Path.Combine(Repository.Root, "run"),
                // The build of the tests has built what ./run would build.
                ["--no-build", "--port", $"{FreePorts.Next()}", "--database", database, .. options]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            _process = Process.Start(start)!;
            _errors = _process.StandardError.ReadToEndAsync();
        }

        public string Folder => _folder.FullName;

        /// <summary>Waits for the address of the console, which <c>./run</c> prints.</summary>
        public async Task<string> AddressAsync(CancellationToken cancellation)
        {
            while (await _process.StandardOutput.ReadLineAsync(cancellation) is { } line)
                if (Address().Match(line) is { Success: true } found)
                {
                    _rest = _process.StandardOutput.ReadToEndAsync(cancellation);
                    return found.Groups[1].Value;
                }
            Assert.Fail($"./run ended:\n{await _errors}");
            return "";
        }

        /// <summary>Stops <c>./run</c> as an operator does.</summary>
        /// <returns>What <c>./run</c> and the host wrote since <see cref="AddressAsync"/>, and their errors.</returns>
        public async Task<string> StopAsync(CancellationToken cancellation)
        {
            using (var interrupt = Process.Start("kill", ["-TERM", $"{_process.Id}"]))
                await interrupt.WaitForExitAsync(cancellation);
            await _process.WaitForExitAsync(cancellation);
            return await _rest! + await _errors;
        }

        public void Dispose()
        {
            _process.Kill(entireProcessTree: true);
            _process.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex(@"The console: +(http://\S+)")]
    private static partial Regex Address();
}
