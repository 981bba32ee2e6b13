using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>The flag over a real database: created once, changed with its audit entry, seen by other hosts.</summary>
public sealed class Stored_flag : IAsyncLifetime, IDisposable
{
    private static readonly Did s_alice = Did.Parse("did:web:alice.example.com");

    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-flag-").FullName;
    private readonly FakeTimeProvider _clock = new();
    private readonly Database _database;
    private readonly ActivityFeed _feed = new();
    private readonly AuditLog _audit;
    private readonly FlagDefinitions _definitions;
    private readonly ExternalCommitsFlag _flag;

    public Stored_flag()
    {
        _database = Database.Sqlite($"Data Source={Path.Combine(_folder, "_flag.db")};Pooling=False");
        _audit = new AuditLog(_database, _feed);
        (_definitions, _flag) = Host();
    }

    public async Task InitializeAsync()
    {
        await using (MlsDbContext context = _database.Read())
            await context.Database.EnsureCreatedAsync();
        await _flag.StartAsync(FlagState.Off, CancellationToken.None);
    }

    [Fact]
    public async Task The_first_state_is_written_once_and_a_restart_keeps_what_people_set()
    {
        Assert.Equal((FlagState.Off, 1L), (_flag.Current.State, _flag.Current.Version));
        await _flag.SetAsync(FlagState.Percentage, 100, "we are ready", new("anna", ConsoleRole.Admin), null);

        (FlagDefinitions again, ExternalCommitsFlag restarted) = Host();
        using (again)
        {
            await restarted.StartAsync(FlagState.Off, CancellationToken.None);
            Assert.Equal(
                (FlagState.Percentage, 100, 2L),
                (restarted.Current.State, restarted.Current.Percentage, restarted.Current.Version)
            );
            Assert.True((await restarted.EvaluateAsync(s_alice)).IsIn());
        }
    }

    [Fact]
    public async Task A_change_is_in_force_at_once_here_and_within_a_second_on_another_host()
    {
        (FlagDefinitions others, ExternalCommitsFlag other) = Host();
        using (others)
        {
            Assert.False((await other.EvaluateAsync(s_alice)).IsIn());
            await _flag.SetAsync(FlagState.On, 0, "launch", new("anna", ConsoleRole.Admin), null);
            Assert.True((await _flag.EvaluateAsync(s_alice)).IsIn());
            _clock.Advance(FlagDefinitions.MaxAge);
            Assert.True((await other.EvaluateAsync(s_alice)).IsIn());
            await other.SetAsync(FlagState.Off, 0, "trouble", new("ben", ConsoleRole.Admin), null);
            _clock.Advance(FlagDefinitions.MaxAge);
            Assert.False((await _flag.EvaluateAsync(s_alice)).IsIn());
            Assert.Equal((3L, "trouble", "ben"), (_flag.Current.Version, _flag.Current.Reason, _flag.Current.Actor));
        }
    }

    [Fact]
    public async Task A_change_is_audited_with_before_and_after_and_announced()
    {
        List<ActivityRecord> published = [];
        using IDisposable subscription = _feed.Subscribe(published.Add);
        await _flag.SetAsync(FlagState.Percentage, 10, " first stage ", new("anna", ConsoleRole.Admin), null);
        AuditEntry entry = Assert.Single(await _audit.LatestAsync(10, CancellationToken.None));
        Assert.Equal(
            ("anna", "setFlag", "accepted", "first stage"),
            (entry.Actor, entry.Action, entry.Outcome, entry.Reason)
        );
        Assert.Equal("external_commits_enabled: off -> 10 %", entry.Subject);
        Assert.Equal(
            """{"after":{"percentage":10,"state":"Percentage","version":2},"""
                + "\"before\":{\"percentage\":0,\"state\":\"Off\",\"version\":1}}",
            entry.Details
        );
        AuditEntryAppended told = Assert.IsType<AuditEntryAppended>(Assert.Single(published));
        Assert.Equal(
            (entry.Action, entry.Outcome, entry.CorrelationId),
            (told.Action, told.Outcome, told.CorrelationId)
        );
    }

    [Theory]
    [InlineData(FlagState.Percentage, 150, "why")]
    [InlineData(FlagState.Percentage, -1, "why")]
    [InlineData((FlagState)9, 0, "why")]
    [InlineData(FlagState.On, 0, "")]
    [InlineData(FlagState.On, 0, "   ")]
    public async Task A_change_that_cannot_be_accepted_changes_nothing(FlagState state, int percentage, string reason)
    {
        RefusedException refusal = await Assert.ThrowsAsync<RefusedException>(() =>
            _flag.SetAsync(state, percentage, reason, new("anna", ConsoleRole.Admin), null)
        );
        Assert.Equal("InvalidRequest", refusal.Refusal.Error);
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.False((await _flag.EvaluateAsync(s_alice)).IsIn());
        Assert.Equal(1, _flag.Current.Version);
        Assert.Empty(await _audit.LatestAsync(10, CancellationToken.None));
    }

    [Fact]
    public async Task A_reason_has_a_length()
    {
        await Assert.ThrowsAsync<RefusedException>(() =>
            _flag.SetAsync(
                FlagState.On,
                0,
                new string('x', ExternalCommitsFlag.MaxReasonLength + 1),
                new("anna", ConsoleRole.Admin),
                null
            )
        );
        await _flag.SetAsync(
            FlagState.On,
            0,
            new string('x', ExternalCommitsFlag.MaxReasonLength),
            new("anna", ConsoleRole.Admin),
            null
        );
        Assert.True((await _flag.EvaluateAsync(s_alice)).IsIn());
    }

    [Fact]
    public async Task A_failed_write_leaves_state_version_and_audit_as_they_were()
    {
        await using (MlsDbContext context = _database.Read())
            await context.Database.ExecuteSqlRawAsync("DROP TABLE audit");
        await Assert.ThrowsAnyAsync<Exception>(() =>
            _flag.SetAsync(FlagState.On, 0, "launch", new("anna", ConsoleRole.Admin), null)
        );
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.False((await _flag.EvaluateAsync(s_alice)).IsIn());
        Assert.Equal(1, _flag.Current.Version);
        Assert.False(_flag.Current.IsLastKnownGood);
    }

    [Fact]
    public async Task A_database_that_cannot_be_read_leaves_the_last_state()
    {
        await _flag.SetAsync(FlagState.On, 0, "launch", new("anna", ConsoleRole.Admin), null);
        await using (MlsDbContext context = _database.Read())
            await context.Database.ExecuteSqlRawAsync("DROP TABLE rollout_flags");
        _clock.Advance(FlagDefinitions.MaxAge);
        Assert.True((await _flag.EvaluateAsync(s_alice)).IsIn());
        Assert.True(_flag.Current.IsLastKnownGood);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        _definitions.Dispose();
        _database.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (FlagDefinitions, ExternalCommitsFlag) Host()
    {
        FlagStore store = new(_database, _audit, _clock);
        FlagDefinitions own = new(store.ReadAsync, _clock, NullLogger<FlagDefinitions>.Instance);
        return (own, new ExternalCommitsFlag(own, store, NullLoggerFactory.Instance));
    }
}
