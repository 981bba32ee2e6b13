using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Tests;

/// <summary>The flag over a real database: created once, changed with its audit entry, seen by other hosts.</summary>
public sealed class Stored_flag : IAsyncLifetime, IDisposable
{
    private static readonly Did Alice = Did.Parse("did:web:alice.example.com");

    private readonly string folder = Directory.CreateTempSubdirectory("mlsconsole-flag-").FullName;
    private readonly ManualClock clock = new();
    private readonly Database database;
    private readonly ActivityFeed feed = new();
    private readonly AuditLog audit;
    private readonly FlagDefinitions definitions;
    private readonly ExternalCommitsFlag flag;

    public Stored_flag()
    {
        database = Database.Sqlite($"Data Source={Path.Combine(folder, "flag.db")};Pooling=False");
        audit = new AuditLog(database, feed);
        (definitions, flag) = Host();
    }

    public async Task InitializeAsync()
    {
        await using (MlsDbContext context = database.Read())
            await context.Database.EnsureCreatedAsync();
        await flag.StartAsync(FlagState.Off, CancellationToken.None);
    }

    [Fact]
    public async Task The_first_state_is_written_once_and_a_restart_keeps_what_people_set()
    {
        Assert.Equal((FlagState.Off, 1L), (flag.Current.State, flag.Current.Version));
        await flag.SetAsync(FlagState.Percentage, 100, "we are ready", "anna");

        (FlagDefinitions again, ExternalCommitsFlag restarted) = Host();
        using (again)
        {
            await restarted.StartAsync(FlagState.Off, CancellationToken.None);
            Assert.Equal(
                (FlagState.Percentage, 100, 2L),
                (restarted.Current.State, restarted.Current.Percentage, restarted.Current.Version)
            );
            Assert.True(await restarted.IsOnForAsync(Alice));
        }
    }

    [Fact]
    public async Task A_change_is_in_force_at_once_here_and_within_a_second_on_another_host()
    {
        (FlagDefinitions others, ExternalCommitsFlag other) = Host();
        using (others)
        {
            Assert.False(await other.IsOnForAsync(Alice));
            await flag.SetAsync(FlagState.On, 0, "launch", "anna");
            Assert.True(await flag.IsOnForAsync(Alice));
            clock.Advance(FlagDefinitions.MaxAge);
            Assert.True(await other.IsOnForAsync(Alice));
            await other.SetAsync(FlagState.Off, 0, "trouble", "ben");
            clock.Advance(FlagDefinitions.MaxAge);
            Assert.False(await flag.IsOnForAsync(Alice));
            Assert.Equal((3L, "trouble", "ben"), (flag.Current.Version, flag.Current.Reason, flag.Current.Actor));
        }
    }

    [Fact]
    public async Task A_change_is_audited_with_before_and_after_and_announced()
    {
        List<ActivityRecord> published = [];
        using IDisposable subscription = feed.Subscribe(published.Add);
        await flag.SetAsync(FlagState.Percentage, 10, " first stage ", "anna");
        AuditEntry entry = Assert.Single(await audit.LatestAsync(10, CancellationToken.None));
        Assert.Equal(
            ("anna", "setFlag", "accepted", "first stage"),
            (entry.Actor, entry.Action, entry.Outcome, entry.Reason)
        );
        Assert.Equal("external_commits_enabled: off -> 10 %", entry.Subject);
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
            flag.SetAsync(state, percentage, reason, "anna")
        );
        Assert.Equal("InvalidRequest", refusal.Refusal.Error);
        clock.Advance(FlagDefinitions.MaxAge);
        Assert.False(await flag.IsOnForAsync(Alice));
        Assert.Equal(1, flag.Current.Version);
        Assert.Empty(await audit.LatestAsync(10, CancellationToken.None));
    }

    [Fact]
    public async Task A_reason_has_a_length()
    {
        await Assert.ThrowsAsync<RefusedException>(() =>
            flag.SetAsync(FlagState.On, 0, new string('x', ExternalCommitsFlag.MaxReasonLength + 1), "anna")
        );
        await flag.SetAsync(FlagState.On, 0, new string('x', ExternalCommitsFlag.MaxReasonLength), "anna");
        Assert.True(await flag.IsOnForAsync(Alice));
    }

    [Fact]
    public async Task A_failed_write_leaves_state_version_and_audit_as_they_were()
    {
        await using (MlsDbContext context = database.Read())
            await context.Database.ExecuteSqlRawAsync("DROP TABLE audit");
        await Assert.ThrowsAnyAsync<Exception>(() => flag.SetAsync(FlagState.On, 0, "launch", "anna"));
        clock.Advance(FlagDefinitions.MaxAge);
        Assert.False(await flag.IsOnForAsync(Alice));
        Assert.Equal(1, flag.Current.Version);
        Assert.False(flag.Current.IsLastKnownGood);
    }

    [Fact]
    public async Task A_database_that_cannot_be_read_leaves_the_last_state()
    {
        await flag.SetAsync(FlagState.On, 0, "launch", "anna");
        await using (MlsDbContext context = database.Read())
            await context.Database.ExecuteSqlRawAsync("DROP TABLE rollout_flags");
        clock.Advance(FlagDefinitions.MaxAge);
        Assert.True(await flag.IsOnForAsync(Alice));
        Assert.True(flag.Current.IsLastKnownGood);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        definitions.Dispose();
        database.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private (FlagDefinitions, ExternalCommitsFlag) Host()
    {
        FlagStore store = new(database, audit, clock);
        FlagDefinitions own = new(store.ReadAsync, clock, NullLogger<FlagDefinitions>.Instance);
        return (own, new ExternalCommitsFlag(own, store, NullLoggerFactory.Instance));
    }
}
