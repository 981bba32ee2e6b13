using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace MlsConsole.Core.Storage;

/// <summary>
/// The model of the database. Each provider has a context of its own that is derived from this one, with its own
/// migrations.
/// </summary>
/// <remarks>
/// Each table is configured in the folder of the feature that it belongs to, or in <c>Rows</c>. Times are stored as
/// milliseconds since 1970 (UTC), so that both providers compare them alike.
/// </remarks>
public abstract class MlsDbContext(DbContextOptions options) : DbContext(options)
{
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMilliseconds>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) =>
        modelBuilder.ApplyConfigurationsFromAssembly(typeof(MlsDbContext).Assembly);

    private sealed class UnixMilliseconds()
        : ValueConverter<DateTimeOffset, long>(
            time => time.ToUnixTimeMilliseconds(),
            milliseconds => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
        );
}

/// <summary>The SQLite provider's context.</summary>
public sealed class SqliteMlsDbContext(DbContextOptions<SqliteMlsDbContext> options) : MlsDbContext(options);

/// <summary>Used by <c>dotnet ef migrations add</c> alone.</summary>
internal sealed class SqliteDesignTimeFactory : IDesignTimeDbContextFactory<SqliteMlsDbContext>
{
    public SqliteMlsDbContext CreateDbContext(string[] args) =>
        new(
            new DbContextOptionsBuilder<SqliteMlsDbContext>()
                .UseSqlite("Data Source=design.db")
                .UseSnakeCaseNamingConvention()
                .Options
        );
}

/// <summary>The PostgreSQL provider's context.</summary>
public sealed class PostgreSqlMlsDbContext(DbContextOptions<PostgreSqlMlsDbContext> options) : MlsDbContext(options);

/// <summary>Used by <c>dotnet ef migrations add</c> alone.</summary>
internal sealed class PostgreSqlDesignTimeFactory : IDesignTimeDbContextFactory<PostgreSqlMlsDbContext>
{
    public PostgreSqlMlsDbContext CreateDbContext(string[] args) =>
        new(
            new DbContextOptionsBuilder<PostgreSqlMlsDbContext>()
                .UseNpgsql("Host=localhost")
                .UseSnakeCaseNamingConvention()
                .Options
        );
}
