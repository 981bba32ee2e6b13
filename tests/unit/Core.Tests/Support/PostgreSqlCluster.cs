using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>One PostgreSQL server for this test run, with a database for each test.</summary>
public static class PostgreSqlCluster
{
    private const string Template = "template_mls";

    private static readonly Lazy<Task<PostgreSqlServer>> s_server = new(StartAsync);

    // A template can be copied by one connection at a time.
    private static readonly SemaphoreSlim s_copying = new(1);

    /// <summary>A database of the current schema: a copy of one that was migrated once.</summary>
    /// <returns>The connection string of the database.</returns>
    public static async Task<string> CreateDatabaseAsync()
    {
        var server = await s_server.Value;
        string name = "t" + Guid.NewGuid().ToString("N");
        using var maintenance = Database.PostgreSql(server.ConnectionString("postgres"));
        await using var context = maintenance.Read();
        await context.Database.OpenConnectionAsync();
        await using var command = context.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"CREATE DATABASE {name} TEMPLATE {Template}";
        await s_copying.WaitAsync();
        try
        {
            await command.ExecuteNonQueryAsync();
        }
        finally
        {
            s_copying.Release();
        }
        return server.ConnectionString(name);
    }

    private static async Task<PostgreSqlServer> StartAsync()
    {
        var server = await PostgreSqlServer.StartAsync();
        using var database = Database.PostgreSql(await server.CreateDatabaseAsync(Template) + ";Pooling=false");
        await StorageStartup.MigrateAsync(database, CancellationToken.None);
        return server;
    }
}
