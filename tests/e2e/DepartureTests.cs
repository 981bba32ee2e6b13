namespace MlsConsole.E2e;

/// <summary>
/// Devices on ts-mls whose accounts are removed, banned and away for too long, over HTTP; and two devices of one
/// account at the same moment.
/// </summary>
public sealed class DepartureTests
{
    private const int Grace = 2000;

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_removed_the_banned_and_the_expired_succeed_once_added_again_and_two_devices_rejoin_at_once(
        int suite
    )
    {
        TsClient.Require();
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>(HostFixture.NoLimits)
            {
                ["Rejoin__GracePeriod"] = TimeSpan.FromMilliseconds(Grace).ToString(),
            }
        );
        var lines = await TsClient.Run(
            "departures",
            "--url",
            host.Url.ToString(),
            "--suite",
            $"{suite}",
            "--grace",
            $"{Grace}"
        );
        Assert.Equal(
            ["removed", "banned", "expired", "phone and tablet at once"],
            lines.SkipLast(1).Select(line => line.GetProperty("step").GetString())
        );
        Assert.Equal(4, lines[^1].GetProperty("members").GetInt32());
        Assert.Equal(
            (0, true),
            await host.Run("verify-audit") is (var code, var output)
                ? (code, output.Contains("hold", StringComparison.Ordinal))
                : default
        );
    }
}
