using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core.ConsoleUsers;

namespace MlsConsole.Core.Storage;

/// <summary>
/// The model of the database. Each provider has a context of its own that is derived from this one, with its own
/// migrations.
/// </summary>
/// <remarks>
/// Each table is configured in the folder of the feature that it belongs to, or in <c>Rows</c>. Times are stored as
/// milliseconds since 1970 (UTC), so that both providers compare them alike.
/// </remarks>
public abstract class MlsDbContext(DbContextOptions options) : IdentityUserContext<ConsoleUser>(options)
{
    /// <summary>
    /// Tells Identity to use its schema with passkeys. Identity asks the service provider of the options for it, and
    /// falls back without a word to a schema without passkeys, so every place that makes options has to give this one.
    /// </summary>
    internal static IServiceProvider Services { get; } =
        new ServiceCollection()
            .Configure<IdentityOptions>(options => options.Stores.SchemaVersion = IdentitySchemaVersions.Version3)
            .BuildServiceProvider();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<UnixMilliseconds>();

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(MlsDbContext).Assembly);
    }

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
                .UseApplicationServiceProvider(MlsDbContext.Services)
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
                .UseApplicationServiceProvider(MlsDbContext.Services)
                .Options
        );
}
