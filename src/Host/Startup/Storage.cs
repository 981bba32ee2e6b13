using System.Data.Common;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using MlsConsole.Core;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Startup;

/// <summary>Sets Core up over the configured database.</summary>
internal static class Storage
{
    /// <exception cref="ConfigurationException">A setting cannot be used.</exception>
    public static void AddCore(this WebApplicationBuilder builder)
    {
        Database database = Open(builder.Configuration);
        builder.AddKeyRing();
        builder.Services.AddRollouts();
        TimeSpan events = Settings.Duration(builder.Configuration, "Events:Retention", otherwise: TimeSpan.FromDays(3)),
            messages = Settings.Duration(builder.Configuration, "Messages:Retention", otherwise: TimeSpan.FromDays(90));
        if (messages < events)
            throw new ConfigurationException(
                "Messages:Retention",
                "must not be shorter than Events:Retention: an event is told with its message."
            );
        builder.Services.AddCore(
            database,
            new CoreSettings
            {
                HostName = builder.Configuration["Host:Name"] is { Length: > 0 } name ? name : Environment.MachineName,
                OpaqueCredentials = Settings.Switch(
                    builder.Configuration,
                    "Identity:OpaqueCredentials",
                    otherwise: builder.Environment.IsDevelopment()
                ),
                GroupInfoCacheLifetime = Settings.Duration(
                    builder.Configuration,
                    "GroupInfo:CacheLifetime",
                    otherwise: TimeSpan.FromMinutes(5)
                ),
                RejoinRequestLifetime = Settings.Duration(
                    builder.Configuration,
                    "Rejoin:RequestLifetime",
                    otherwise: TimeSpan.FromDays(7)
                ),
                RejoinGracePeriod = Settings.Duration(
                    builder.Configuration,
                    "Rejoin:GracePeriod",
                    otherwise: TimeSpan.FromDays(30)
                ),
                RejoinLimitPerHour = Settings.Count(builder.Configuration, "Rejoin:LimitPerHour", otherwise: 5),
                RejoinRefusedLimitPerHour = Settings.Count(
                    builder.Configuration,
                    "Rejoin:RefusedLimitPerHour",
                    otherwise: 60
                ),
                Episodes = Episodes(builder.Configuration),
                EventRetention = events,
                MessageRetention = messages,
                ConsoleSessionLifetime = Settings.Duration(
                    builder.Configuration,
                    "Console:SessionLifetime",
                    otherwise: TimeSpan.FromHours(12)
                ),
                EventMaxLag = Settings.Count(builder.Configuration, "Events:MaxLag", otherwise: 10_000),
            }
        );
    }

    /// <summary>
    /// Brings the database to the current schema, and writes the flag's first state and the service's signature keys
    /// into a new database.
    /// </summary>
    /// <exception cref="ConfigurationException">
    /// The first state is misspelt, or the database or the key ring cannot be used.
    /// </exception>
    /// <returns>Whether the database is new.</returns>
    public static async Task<bool> StartStorageAsync(this WebApplication app)
    {
        FlagState initial = InitialFlag(app.Configuration, app.Environment);
        try
        {
            await StorageStartup.MigrateAsync(app.Services.GetRequiredService<Database>(), CancellationToken.None);
        }
        catch (NewerSchemaException exception)
        {
            throw OfNewerSchema(exception);
        }
        catch (Exception exception) when (exception is DbException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                "ConnectionStrings:Default",
                $"names a database that cannot be used: {exception.Message}"
            );
        }
        bool isNew = await app
            .Services.GetRequiredService<ExternalCommitsFlag>()
            .StartAsync(initial, CancellationToken.None);
        KeyRing.Create(app.Configuration);
        try
        {
            await app.Services.GetRequiredService<SignatureKeys>().StartAsync(CancellationToken.None);
        }
        catch (CryptographicException)
        {
            throw new ConfigurationException(
                KeyRing.Setting,
                "is not the key ring that this service's signature keys are encrypted with: "
                    + "name its folder, or give the service new keys (rotate-signature-key)."
            );
        }
        return isNew;
    }

    internal static ConfigurationException OfNewerSchema(NewerSchemaException exception) =>
        new(
            "ConnectionStrings:Default",
            $"names a database that a later version of this program has migrated ({exception.Migration}): "
                + "run that version, or restore the database from before."
        );

    /// <exception cref="ConfigurationException">A setting cannot be used.</exception>
    private static EpisodeSettings Episodes(IConfiguration configuration)
    {
        EpisodeSettings defaults = new();
        return new()
        {
            AccountInterval = Settings.Duration(
                configuration,
                "Episodes:AccountInterval",
                otherwise: defaults.AccountInterval
            ),
            Silence = Settings.Duration(configuration, "Episodes:Silence", otherwise: defaults.Silence),
            Patience = Settings.Duration(configuration, "Episodes:Patience", otherwise: defaults.Patience),
        };
    }

    /// <summary>The state that the flag gets when the database is created.</summary>
    internal static FlagState InitialFlag(IConfiguration configuration, IHostEnvironment environment) =>
        configuration["Rollout:Initial"] switch
        {
            null or "" => environment.IsDevelopment() ? FlagState.On : FlagState.Off,
            "On" => FlagState.On,
            "Off" => FlagState.Off,
            _ => throw new ConfigurationException("Rollout:Initial", "must be On or Off."),
        };

    /// <exception cref="ConfigurationException">A setting cannot be used.</exception>
    internal static Database Open(ConfigurationManager configuration)
    {
        string connection = configuration["ConnectionStrings:Default"]!;
        return configuration["Storage:Provider"] switch
        {
            null or "" or "Sqlite" => OpenSqlite(connection),
            "PostgreSql" => OpenPostgreSql(connection),
            _ => throw new ConfigurationException("Storage:Provider", "must be Sqlite or PostgreSql."),
        };
    }

    private static Database OpenPostgreSql(string connection)
    {
        try
        {
            return Database.PostgreSql(connection);
        }
        catch (ArgumentException)
        {
            throw new ConfigurationException(
                "ConnectionStrings:Default",
                "is not a PostgreSQL connection string, "
                    + "for example Host=localhost;Database=mlsconsole;Username=mlsconsole."
            );
        }
    }

    private static Database OpenSqlite(string connection)
    {
        try
        {
            if (
                new SqliteConnectionStringBuilder(connection).DataSource is not { Length: > 0 } file
                || file == ":memory:"
            )
                throw new ConfigurationException(
                    "ConnectionStrings:Default",
                    "must name a database file, for example Data Source=mlsconsole.db."
                );
        }
        catch (ArgumentException)
        {
            throw new ConfigurationException("ConnectionStrings:Default", "is not a SQLite connection string.");
        }
        return Database.Sqlite(connection);
    }
}
