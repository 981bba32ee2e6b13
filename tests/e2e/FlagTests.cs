using System.Diagnostics;
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
    public async Task Hosts_that_nobody_asks_show_a_change_that_the_command_has_made(StorageProvider provider)
    {
        await using var first = await HostProcess.Start(
            new Dictionary<string, string> { ["Host__Name"] = "first" },
            await DatabaseServers.Of(provider)
        );
        await using var second = await first.StartAnother();
        await Shows(second, "on for everyone");

        var (code, line) = await first.Run("flag", "off", "--reason", "trouble");
        long changedAt = Stopwatch.GetTimestamp();
        Assert.Equal((0, "external_commits_enabled is off, version 2"), (code, line.Trim()));
        await Shows(second, "off");
        output.WriteLine(
            $"{provider}: {Stopwatch.GetElapsedTime(changedAt).TotalMilliseconds:0} ms after the end of the command"
        );
        await Shows(first, "off");

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
    /// Waits until the strip of the console says so. The pages read what the host knows and never ask for the flag.
    /// </summary>
    private static async Task Shows(HostProcess host, string state)
    {
        using var http = new HttpClient { BaseAddress = host.Url };
        long startedAt = Stopwatch.GetTimestamp();
        string page;
        do
        {
            page = await http.GetStringAsync("/");
            if (page.Contains($"External commits: {state}", StringComparison.Ordinal))
                return;
            await Task.Delay(20);
        } while (Stopwatch.GetElapsedTime(startedAt) < s_limit);
        Assert.Fail($"The console does not say 'External commits: {state}':\n{page}");
    }
}
