using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>Of hosts that start on one PostgreSQL database one migrates; the others wait as long as it takes.</summary>
public sealed class Migrating_on_PostgreSql
{
    /// <summary>The key of the lock: the bytes of "MlsC".</summary>
    private const long MigrationLock = 0x4d6c7343;

    [SkippableFact]
    [Trait("Category", "Database")]
    public async Task A_host_waits_longer_than_any_command_may_take()
    {
        Require();
        string connection = await PostgreSqlCluster.CreateDatabaseAsync();
        using var other = Database.PostgreSql(connection);
        await using var holder = other.Open();
        await holder.Database.OpenConnectionAsync();
        await holder.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})");
        // A command of this host may take one second, where the default is thirty.
        using var database = Database.PostgreSql(connection + ";Command Timeout=1");
        Task waiting = StorageStartup.MigrateAsync(database, CancellationToken.None);
        await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromSeconds(4)));
        Assert.False(waiting.IsCompleted, waiting.Exception?.ToString());
        await holder.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({MigrationLock})");
        await waiting;
        await using var context = database.Open();
        Assert.Null(context.Database.GetCommandTimeout());
        await Assert.ThrowsAnyAsync<Exception>(() => context.Database.ExecuteSqlAsync($"SELECT pg_sleep(30)"));
    }

    [SkippableFact]
    [Trait("Category", "Database")]
    public async Task A_migration_that_this_version_does_not_know_stops_it_and_leaves_the_lock_free()
    {
        Require();
        using var database = Database.PostgreSql(await PostgreSqlCluster.CreateDatabaseAsync());
        await using (var context = database.Open())
            await context.Database.ExecuteSqlAsync(
                $"""INSERT INTO "__EFMigrationsHistory" VALUES ('99991231235959_Later', '11.0.0')"""
            );
        for (int i = 0; i < 2; i++)
            Assert.Equal(
                "99991231235959_Later",
                (
                    await Assert.ThrowsAsync<NewerSchemaException>(() =>
                        StorageStartup.MigrateAsync(database, CancellationToken.None)
                    )
                ).Migration
            );
        await using var other = database.Open();
        await other.Database.OpenConnectionAsync();
        Assert.True(
            await other
                .Database.SqlQuery<bool>($"SELECT pg_try_advisory_lock({MigrationLock}) AS \"Value\"")
                .SingleAsync()
        );
    }

    private static void Require()
    {
        if (PostgreSqlServer.Missing is not null && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(PostgreSqlServer.Missing);
        Skip.If(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing);
    }
}
