using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>
/// The demo fleet at every state of the flag: its devices come back, by whichever way is open to them.
/// </summary>
public sealed class DemoTests(ITestOutputHelper output)
{
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("off")]
    [InlineData("percent")]
    public async Task Devices_for_which_external_commits_are_off_come_back_with_the_help_of_members(string state)
    {
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits) { ["Rollout__Initial"] = "Off" }
        );
        if (state == "percent")
            await SetPercentage(host, 10);
        var figures = await Run(host, "--devices", "16", "--groups", "5", "--rate", "240", "--minutes", "0.3");
        Assert.True(figures.GetProperty("joined").GetInt32() > 0);
        Assert.True(figures.GetProperty("switchedOff").GetInt32() > 0, figures.ToString());
        // Who has no other way does not fall back.
        Assert.Equal(0, figures.GetProperty("fallback").GetDouble());
        if (state == "off")
            Assert.Empty(figures.GetProperty("externalCommitOutcomes").EnumerateObject());
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_rejoin_that_is_spoiled_fails_from_the_first_attempt_to_the_last_and_the_members_help()
    {
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        var figures = await Run(
            host,
            ["--devices", "16", "--groups", "5", "--rate", "240", "--minutes", "0.3", "--break", "1"]
        );
        var outcomes = figures.GetProperty("externalCommitOutcomes");
        Assert.True(outcomes.TryGetProperty("InvalidGroupInfo", out var spoiled), figures.ToString());
        Assert.True(spoiled.GetInt32() > 0);
        Assert.True(figures.GetProperty("fallback").GetDouble() > 0.5, figures.ToString());
    }

    [SkippableFact]
    [Trait("Category", "Long")]
    public async Task At_ten_percent_both_cohorts_have_figures_within_three_minutes_and_after_a_kill()
    {
        Chromium.Require();
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits)
            {
                ["Episodes__AccountInterval"] = "00:00:05",
                ["Episodes__Silence"] = "00:00:20",
            }
        );
        var fleet = Run(host, "--devices", "60", "--groups", "24", "--rate", "60", "--minutes", "2.5");
        // The stage begins when all devices have enrolled: younger accounts do not count in it.
        await UntilSomebodyRejoins(host);
        await SetPercentage(host, 10);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
        );
        await fleet;
        await host.Restart(); // after a kill
        var page = await Chromium.NewPageAsync(browser, host);
        await page.GotoAsync(new Uri(host.Url, "?range=1h").ToString());
        await page.GetByTestId("headline").WaitForAsync();
        await page.GetByTestId("cohort-InsidePercentage").WaitForAsync();
        long inside = await Number(page, "cohort-InsidePercentage", 0),
            judged = await Number(page, "cohort-InsidePercentage", 4),
            outside = await Number(page, "cohort-OutsidePercentage", 6);
        output.WriteLine($"{inside} attempts inside, {judged} of them judged, {outside} rejoins outside");
        Assert.True(inside > 0 && judged > 0 && outside > 0);
    }

    private static async Task UntilSomebodyRejoins(HostProcess host)
    {
        using var http = await host.ConsoleClientAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (
            !(await http.GetStringAsync("metrics", limit.Token)).Contains(
                "external_commit_latency_seconds_count",
                StringComparison.Ordinal
            )
        )
            await Task.Delay(200, limit.Token);
    }

    private static async Task<long> Number(IPage page, string row, int column) =>
        long.Parse(
            await page.GetByTestId(row).Locator("td.number").Nth(column).InnerTextAsync(),
            NumberStyles.AllowThousands,
            CultureInfo.InvariantCulture
        );

    private static async Task SetPercentage(HostProcess host, int percentage)
    {
        var (code, text) = await host.Run("flag", "percent", $"{percentage}", "--reason", "a stage");
        Assert.True(code == 0, text);
    }

    /// <summary>Runs the demo and returns its figures; a breach of an invariant fails the test.</summary>
    private async Task<JsonElement> Run(HostProcess host, params string[] arguments)
    {
        string file = Path.GetTempFileName();
        try
        {
            using var fleet = Process.Start(
                new ProcessStartInfo(
                    "dotnet",
                    [
                        Repository.FleetAssembly,
                        "demo",
                        "--url",
                        host.Url.ToString(),
                        "--rejoins-per-hour",
                        "1000000",
                        "--json",
                        file,
                        .. arguments,
                    ]
                )
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            var errors = fleet.StandardError.ReadToEndAsync();
            string said = await fleet.StandardOutput.ReadToEndAsync();
            await fleet.WaitForExitAsync();
            output.WriteLine(said);
            Assert.True(fleet.ExitCode is 0 or 1 or 2, said + await errors);
            return JsonDocument.Parse(await File.ReadAllTextAsync(file)).RootElement.GetProperty("figures");
        }
        finally
        {
            File.Delete(file);
        }
    }
}
