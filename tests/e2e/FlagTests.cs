using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>The external commits flag on two hosts over one database, changed by the operator's command.</summary>
public sealed class FlagTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [SkippableTheory]
    [InlineData(StorageProvider.Sqlite)]
    [InlineData(StorageProvider.PostgreSql)]
    [Trait("Category", "Slow")]
    public async Task Hosts_that_nobody_asks_follow_a_change_that_the_command_has_made(StorageProvider provider)
    {
        await using var first = await HostProcess.Start(
            new Dictionary<string, string> { ["Host__Name"] = "first" },
            await DatabaseServers.Of(provider)
        );
        await using var second = await first.StartAnother();
        Assert.Null(await TakenOver(second));

        var (code, line) = await first.Run("flag", "off", "--reason", "trouble");
        Assert.Equal((0, "external_commits_enabled is off, version 2"), (code, line.Trim()));
        foreach (var host in (HostProcess[])[first, second])
            output.WriteLine($"{provider}: followed {await Follows(host):0.000} s after the change");

        (code, line) = await second.Run("flag", "percent", "10", "--reason", "again", "--version", "1");
        Assert.Equal(2, code);
        Assert.StartsWith(
            "nothing is changed: external_commits_enabled is off, version 2, since ",
            line,
            StringComparison.Ordinal
        );
        foreach (var host in (HostProcess[])[first, second])
            Assert.DoesNotContain("exception", host.Output, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// Waits until the host has taken a change over; its metrics say how long that took. Metrics do not ask for the
    /// flag.
    /// </summary>
    private static async Task<double> Follows(HostProcess host)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(startedAt) < s_limit)
        {
            if (await TakenOver(host) is { } seconds)
                return seconds;
            await Task.Delay(50);
        }
        throw new TimeoutException($"The host did not follow the change after {s_limit}.");
    }

    private static async Task<double?> TakenOver(HostProcess host)
    {
        using var http = await host.ConsoleClientAsync();
        string metrics = await http.GetStringAsync("/metrics");
        string? sum = metrics
            .Split('\n')
            .SingleOrDefault(static line => line.StartsWith("flag_propagation_seconds_sum", StringComparison.Ordinal));
        return sum is null
            ? null
            : double.Parse(sum[(sum.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
