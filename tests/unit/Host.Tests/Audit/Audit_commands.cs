using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>
/// The program's commands about the audit log, and those that leave their trace in it, run as an operator runs them: on
/// the database alone, without a host.
/// </summary>
public sealed class Audit_commands : IAsyncLifetime, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-audit-").FullName;
    private readonly Database _database;

    public Audit_commands() => _database = Database.Sqlite($"{Connection};Pooling=False");

    private string Connection => $"Data Source={Path.Combine(_folder, "audit.db")}";

    public async Task InitializeAsync()
    {
        await StorageStartup.MigrateAsync(_database, CancellationToken.None);
        AuditLog audit = new(_database, new ActivityFeed());
        for (int i = 0; i < 3; i++)
            await audit.AppendAsync(
                new AuditEntry
                {
                    At = DateTimeOffset.UnixEpoch,
                    Actor = "did:web:a",
                    Action = "commit",
                    Outcome = "accepted",
                    CorrelationId = "c",
                },
                CancellationToken.None
            );
        await new AuditLinker(_database, new Leases(new HostIdentity("test"), TimeProvider.System)).LinkAsync(
            CancellationToken.None
        );
        await audit.AppendAsync(
            new AuditEntry
            {
                At = DateTimeOffset.UnixEpoch,
                Actor = "did:web:a",
                Action = "commit",
                Outcome = "accepted",
                CorrelationId = "c",
            },
            CancellationToken.None
        );
    }

    [Fact]
    public async Task A_chain_that_holds_ends_with_0_and_one_that_does_not_with_1_and_the_entry_named()
    {
        (int code, string output, _) = await Run("verify-audit", Connection);
        Assert.Equal(0, code);
        Assert.Matches(
            "^3 linked entries hold, the last has the hash [0-9a-f]{64}\n1 entries are not linked yet\n$",
            output
        );

        await _database.WriteAsync(
            context => context.Database.ExecuteSqlRawAsync("UPDATE audit SET actor = 'did:web:b' WHERE position = 2"),
            CancellationToken.None
        );
        (code, output, _) = await Run("verify-audit", Connection);
        Assert.Equal(1, code);
        Assert.StartsWith("1 linked entries hold", output, StringComparison.Ordinal);
        Assert.Contains("BROKEN at position 2 (id 2): ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_export_is_json_lines_and_nothing_else()
    {
        (int code, string output, string error) = await Run("export-audit", Connection);
        Assert.Equal((0, ""), (code, error));
        string[] lines = output.Split('\n');
        Assert.Equal((5, ""), (lines.Length, lines[4]));
        Assert.All(
            lines[..4],
            static line => Assert.StartsWith("{\"action\":\"commit\"", line, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task An_account_is_banned_and_unbanned_on_the_database_alone_and_the_audit_log_has_it()
    {
        const string mallory = "did:web:mallory.example";
        Assert.Equal(
            (0, $"{mallory} is banned\n", ""),
            await Run("ban", Connection, mallory, "--reason", "abuse of the service")
        );
        Assert.Equal((0, $"{mallory} was already banned\n", ""), await Run("ban", Connection, mallory));
        Assert.Equal((0, $"{mallory} is no longer banned\n", ""), await Run("unban", Connection, mallory));
        Assert.Equal((0, $"{mallory} was not banned\n", ""), await Run("unban", Connection, mallory));
        IReadOnlyList<AuditEntry> entries = await new AuditLog(_database, new ActivityFeed()).LatestAsync(
            4,
            CancellationToken.None
        );
        Assert.Equal(
            [
                ("unbanAccount", null),
                ("unbanAccount", null),
                ("banAccount", null),
                ("banAccount", "abuse of the service"),
            ],
            entries.Select(static entry => (entry.Action, entry.Reason))
        );
        Assert.All(
            entries,
            static entry => Assert.Equal(("operator", mallory, "accepted"), (entry.Actor, entry.Subject, entry.Outcome))
        );
        (int code, _, string error) = await Run("ban", Connection, "mallory");
        Assert.Equal(
            (1, "MlsConsole cannot start: ban must be followed by the DID of an account.\n"),
            (code, error.ReplaceLineEndings("\n"))
        );
    }

    [Theory]
    [InlineData("verify-audit")]
    [InlineData("export-audit")]
    [InlineData("rotate-signature-key")]
    [InlineData("ban", "did:web:mallory.example")]
    public async Task A_database_that_does_not_exist_is_not_created(string command, params string[] arguments)
    {
        string missing = Path.Combine(_folder, "missing.db");
        (int code, string output, string error) = await Run(command, $"Data Source={missing}", arguments);
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("MlsConsole cannot start: ConnectionStrings:Default ", error, StringComparison.Ordinal);
        Assert.False(File.Exists(missing));
    }

    [Fact]
    public async Task A_request_without_a_token_is_in_the_audit_log_once_its_minute_is_written()
    {
        using TestHost host = new();
        using HttpClient client = new() { BaseAddress = host.Address };
        for (int i = 0; i < 3; i++)
            await client.GetAsync("/xrpc/blue.catbird.mls.getWelcomes?deviceId=a");
        await host.Services.GetRequiredService<AuditTally>().FlushAsync(all: true, CancellationToken.None);
        IReadOnlyList<AuditEntry> entries = await host
            .Services.GetRequiredService<AuditLog>()
            .LatestAsync(10, CancellationToken.None);
        Assert.All(
            entries,
            static entry =>
                Assert.Equal(
                    ("unauthenticated", "getWelcomes", "AuthenticationRequired", "token-missing"),
                    (entry.Actor, entry.Action, entry.Outcome, entry.Reason)
                )
        );
        // The refusals are in one entry, or in two if the minute ended meanwhile.
        Assert.Equal(3, entries.Sum(static entry => entry.Times));
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        _database.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    internal static async Task<(int Code, string Output, string Error)> Run(
        string command,
        string connection,
        params string[] arguments
    )
    {
        ProcessStartInfo start = new("dotnet", [typeof(HostSettings).Assembly.Location, command, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["ConnectionStrings__Default"] = connection;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(),
            error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, (await output).ReplaceLineEndings("\n"), await error);
    }
}
