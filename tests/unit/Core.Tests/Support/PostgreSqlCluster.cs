using MlsConsole.Core.Storage;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>One PostgreSQL server for this test run, with a database for each test.</summary>
public static class PostgreSqlCluster
{
    private const string Template = "template_mls";

    private static readonly Lazy<Task<PostgreSqlServer>> s_server = new(StartAsync);
    private static readonly SemaphoreSlim s_copying = new(1);

    /// <summary>A database of the current schema: a copy of one that was migrated once.</summary>
    public static async Task<string> CreateDatabaseAsync()
    {
        var server = await s_server.Value;
        await s_copying.WaitAsync();
        try
        {
            return await server.CreateDatabaseAsync("t" + Guid.NewGuid().ToString("N"), Template);
        }
        finally
        {
            s_copying.Release();
        }
    }

    private static async Task<PostgreSqlServer> StartAsync()
    {
        var server = await PostgreSqlServer.StartAsync();
        using var database = Database.PostgreSql(await server.CreateDatabaseAsync(Template) + ";Pooling=false");
        await StorageStartup.MigrateAsync(database, CancellationToken.None);
        return server;
    }
}
