using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Tests;

/// <summary>The command <c>flag</c>, run as an operator runs it, beside a host that runs.</summary>
public sealed class Flag_commands(TestHost host) : IClassFixture<TestHost>
{
    private const string Flag = "external_commits_enabled is";

    private ExternalCommitsFlag OfHost => host.Services.GetRequiredService<ExternalCommitsFlag>();

    [Fact]
    public async Task The_flag_is_shown_and_changed_and_a_running_host_that_nobody_asks_follows()
    {
        long version = (await OfHost.ReadAsync(CancellationToken.None)).Version;
        Assert.Equal(
            (0, $"{Flag} on for 25 %, version {version + 1}\n", ""),
            await Run("percent", "25", "--reason", "first\nstage")
        );
        await Follows(FlagState.Percentage, version + 1);
        (int code, string shown, _) = await Run("show");
        Assert.Equal(0, code);
        Assert.Matches(
            $"^{Flag} on for 25 %, version {version + 1}, "
                + @"since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by operator: first stage\n$",
            shown
        );
        Assert.Equal((0, $"{Flag} off, version {version + 2}\n", ""), await Run("off", "--reason", "trouble"));
        await Follows(FlagState.Off, version + 2);
        Assert.Equal((0, $"{Flag} on, version {version + 3}\n", ""), await Run("on", "--reason", "all is well"));
        await Follows(FlagState.On, version + 3);
        AuditEntry entry = (
            await host.Services.GetRequiredService<AuditLog>().LatestAsync(100, CancellationToken.None)
        ).First(static entry => entry.Action == "setFlag");
        Assert.Equal(
            (AuditEntry.Operator, "all is well", "external_commits_enabled: off -> on"),
            (entry.Actor, entry.Reason, entry.Subject)
        );
    }

    [Fact]
    public async Task A_change_for_another_version_than_the_stored_one_ends_with_2_and_says_what_is_stored()
    {
        FlagView stored = await OfHost.SetAsync(
            FlagState.Percentage,
            10,
            "a stage",
            new("ben", ConsoleRole.Admin),
            null
        );
        foreach (string state in (string[])["on", "off"])
        {
            (int code, string output, string error) = await Run(
                state,
                "--reason",
                "x",
                "--version",
                $"{stored.Version - 1}"
            );
            Assert.Equal((2, ""), (code, error));
            Assert.StartsWith(
                $"nothing is changed: {Flag} on for 10 %, version {stored.Version}, since ",
                output,
                StringComparison.Ordinal
            );
            Assert.EndsWith(" by ben: a stage\n", output, StringComparison.Ordinal);
        }
        Assert.Equal(stored, await OfHost.ReadAsync(CancellationToken.None));
        Assert.Equal(
            (0, $"{Flag} on, version {stored.Version + 1}\n", ""),
            await Run("on", "--reason", "x", "--version", $"{stored.Version}")
        );
    }

    [Theory]
    [InlineData("flag must be followed by show, off, on, or percent and a number.")]
    [InlineData("flag must be followed by show, off, on, or percent and a number.", "of")]
    [InlineData("flag must be followed by show, off, on, or percent and a number.", "percent", "-1")]
    [InlineData("version must be a number.", "on", "--reason", "x", "--version", "latest")]
    [InlineData("flag is refused: A change of the flag needs a reason of at most 500 characters.", "off")]
    [InlineData(
        "flag is refused: The flag is off, on, or on for a percentage of 0 to 100.",
        "percent",
        "101",
        "--reason",
        "x"
    )]
    public async Task Arguments_that_cannot_be_used_end_with_1_and_change_nothing(
        string problem,
        params string[] arguments
    )
    {
        FlagView before = await OfHost.ReadAsync(CancellationToken.None);
        (int code, string output, string error) = await Run(arguments);
        Assert.Equal((1, ""), (code, output));
        Assert.Equal($"MlsConsole cannot start: {problem}", error.Trim());
        Assert.Equal(before, await OfHost.ReadAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_database_without_a_flag_is_named_as_the_problem()
    {
        string folder = Directory.CreateTempSubdirectory("mlsconsole-flag-").FullName;
        try
        {
            string connection = $"Data Source={Path.Combine(folder, "empty.db")};Pooling=False";
            using (Database database = Database.Sqlite(connection))
                await StorageStartup.MigrateAsync(database, CancellationToken.None);
            (int code, string output, string error) = await Audit_commands.Run("flag", connection, "show");
            Assert.Equal((1, ""), (code, output));
            Assert.Contains("names a database without a flag", error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Metrics_have_how_soon_this_host_took_a_change_over()
    {
        using HttpClient client = await host.ClientAsync();
        TaskCompletionSource taken = new();
        using IDisposable subscription = host
            .Services.GetRequiredService<ActivityFeed>()
            .Subscribe(activity =>
            {
                if (activity is FlagTakenOver)
                    taken.TrySetResult();
            });
        await OfHost.SetAsync(FlagState.On, 0, "x", new("ben", ConsoleRole.Admin), null);
        await taken.Task.WaitAsync(TimeSpan.FromSeconds(60));
        string metrics = await client.GetStringAsync("/metrics");
        Assert.Matches(
            new Regex("^flag_propagation_seconds_bucket\\{.*le=\"1\"\\} [1-9]", RegexOptions.Multiline),
            metrics
        );
    }

    private Task<(int Code, string Output, string Error)> Run(params string[] arguments) =>
        Audit_commands.Run("flag", host.Connection, arguments);

    /// <summary>Waits until the host follows; nothing asks the host meanwhile.</summary>
    private async Task Follows(FlagState state, long version)
    {
        for (int i = 0; i < 600 && OfHost.Current.Version < version; i++)
            await Task.Delay(100);
        Assert.Equal((state, version), (OfHost.Current.State, OfHost.Current.Version));
    }
}
