using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

public class Migrations_of_both_providers
{
    [Fact]
    public async Task The_model_has_no_change_without_a_migration()
    {
        using var postgreSql = Database.PostgreSql("Host=localhost"); // never connected
        using var sqlite = Database.Sqlite("Data Source=:memory:");
        foreach (var database in (Database[])[postgreSql, sqlite])
        {
            await using var context = database.Read();
            Assert.False(context.Database.HasPendingModelChanges(), context.GetType().Name);
        }
    }
}
