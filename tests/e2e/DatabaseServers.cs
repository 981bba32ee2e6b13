using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>What a host stores in.</summary>
public enum StorageProvider
{
    Sqlite,
    PostgreSql,
}

/// <summary>The database servers of hosts.</summary>
internal static class DatabaseServers
{
    private static readonly Lazy<Task<PostgreSqlServer>> s_shared = new(() => PostgreSqlServer.StartAsync());

    /// <summary>For PostgreSQL one that all tests share; SQLite has none.</summary>
    public static async Task<PostgreSqlServer?> Of(StorageProvider provider)
    {
        if (provider == StorageProvider.Sqlite)
            return null;
        Require();
        return await s_shared.Value;
    }

    /// <summary>Skips the test where PostgreSQL is not installed; with CI=true that is a failure.</summary>
    public static void Require()
    {
        if (PostgreSqlServer.Missing is not null && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(PostgreSqlServer.Missing);
        Skip.If(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing);
    }
}
