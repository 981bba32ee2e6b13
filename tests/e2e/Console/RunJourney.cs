using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>Somebody who starts <c>./run</c> and opens the address that it prints.</summary>
[Trait("Category", "Browser")]
public sealed partial class RunJourney
{
    /// <summary>Where the test gives up; what it takes is for people to measure.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    [SkippableFact]
    public async Task The_console_that_run_starts_shows_the_traffic_of_the_demo_fleet_and_both_end_with_it()
    {
        Chromium.Require();
        Skip.If(OperatingSystem.IsWindows(), "./run is for bash.");
        var folder = Directory.CreateTempSubdirectory("mlsconsole-run-");
        int port = FreePorts.Next();
        // What ./run builds, the tests have built.
        using var run = Process.Start(
            new ProcessStartInfo(
                Path.Combine(Repository.Root, "run"),
                ["--no-build", "--port", $"{port}", "--database", Path.Combine(folder.FullName, "console.db")]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;
        var errors = run.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            string? address = null;
            while (address is null && await run.StandardOutput.ReadLineAsync(limit.Token) is { } line)
                address = Address().Match(line) is { Success: true } found ? found.Groups[1].Value : null;
            if (address is null)
                Assert.Fail($"./run ended:\n{await errors}");
            var rest = run.StandardOutput.ReadToEndAsync(limit.Token);

            using var playwright = await Playwright.CreateAsync();
            await using var browser = await playwright.Chromium.LaunchAsync(
                new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
            );
            var page = await browser.NewPageAsync();
            await page.GotoAsync(address);
            // Created conversations, and devices that came back: nothing else calls this host.
            await Assertions
                .Expect(page.GetByTestId("headline"))
                .ToContainTextAsync("devices rejoined", new() { Timeout = (float)s_limit.TotalMilliseconds });
            await Assertions
                .Expect(page.GetByText("processExternalCommit").First)
                .ToBeVisibleAsync(new() { Timeout = (float)s_limit.TotalMilliseconds });

            using (var interrupt = Process.Start("kill", ["-TERM", $"{run.Id}"]))
                await interrupt.WaitForExitAsync(limit.Token);
            await run.WaitForExitAsync(limit.Token);
            string log = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "console.fleet.log"), limit.Token);
            Assert.Contains("invariants hold", log, StringComparison.Ordinal);
            await rest;
        }
        finally
        {
            run.Kill(entireProcessTree: true);
            folder.Delete(recursive: true);
        }
    }

    [GeneratedRegex(@"The console: +(http://\S+)")]
    private static partial Regex Address();
}
