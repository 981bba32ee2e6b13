using System.Globalization;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The commands that the program runs instead of serving, named by its first argument. They work on the database
/// whether or not a host runs on it.
/// </summary>
internal static class Commands
{
    private const string Verify = "verify-audit",
        Export = "export-audit",
        Rotate = "rotate-signature-key",
        Ban = "ban",
        Unban = "unban";

    /// <summary>Runs the command that the arguments name.</summary>
    /// <returns>The exit code, or null if the arguments name no command, so that the host is meant.</returns>
    /// <exception cref="ConfigurationException">The database cannot be used.</exception>
    public static async Task<int?> RunAsync(string[] args)
    {
        if (
            args
            is not [
                Verify
                or Export
                or Rotate
                or Ban
                or Unban
                or FlagCommand.Name
                or PeopleCommands.AdminLink
                or PeopleCommands.ApiToken,
                ..,
            ]
        )
            return null;
        WebApplicationBuilder builder = HostBuilding.CreateBuilder(args[1..]);
        using Database database = Storage.Open(builder.Configuration);
        await RequireSchemaAsync(database);
        if (args[0] == Rotate)
            return await RotateSignatureKeyAsync(builder, Console.Out);
        if (args[0] is Ban or Unban)
            return await SetBanAsync(database, args[0] == Ban, args[1..], builder.Configuration["reason"], Console.Out);
        if (args[0] == FlagCommand.Name)
            return await FlagCommand.RunAsync(database, args[1..], builder.Configuration, Console.Out);
        if (args[0] == PeopleCommands.AdminLink)
            return await PeopleCommands.PrintAdminLinkAsync(database, builder.Configuration, Console.Out);
        if (args[0] == PeopleCommands.ApiToken)
            return await PeopleCommands.PrintApiTokenAsync(database, args[1..], builder.Configuration, Console.Out);
        if (args[0] == Verify)
            return await VerifyAuditAsync(database, Console.Out);
        await using StreamWriter output = new(Console.OpenStandardOutput(), bufferSize: 64 * 1024);
        await AuditVerifier.ExportAsync(database, output, CancellationToken.None);
        return 0;
    }

    /// <returns>0 if the chain holds, 1 if not.</returns>
    internal static async Task<int> VerifyAuditAsync(Database database, TextWriter output)
    {
        AuditReport report = await AuditVerifier.VerifyAsync(database, CancellationToken.None);
        IFormatProvider culture = CultureInfo.InvariantCulture;
        await output.WriteLineAsync(
            string.Create(
                culture,
                $"{report.Linked} linked entries hold"
                    + $"{(report.Head is null ? "" : $", the last has the hash {report.Head}")}"
            )
        );
        await output.WriteLineAsync(string.Create(culture, $"{report.Unlinked} entries are not linked yet"));
        if (report.Broken is { } broken)
            await output.WriteLineAsync(
                string.Create(
                    culture,
                    $"BROKEN at position {broken.Position}{(broken.Id is { } id ? $" (id {id})" : "")}: {broken.What}"
                )
            );
        return report.Holds ? 0 : 1;
    }

    private static async Task<int> RotateSignatureKeyAsync(WebApplicationBuilder builder, TextWriter output)
    {
        builder.Logging.ClearProviders();
        builder.AddCore();
        await using WebApplication app = builder.Build();
        KeyRing.Create(app.Configuration);
        Rotation rotation = await app
            .Services.GetRequiredService<SignatureKeys>()
            .RotateAsync(Actor.CommandLine, Guid.NewGuid().ToString("N"), CancellationToken.None);
        await output.WriteLineAsync(
            string.Create(
                CultureInfo.InvariantCulture,
                $"the service has new signature keys; {rotation.Kept} retired ones are kept, "
                    + $"{rotation.Deleted} that no group lists are deleted"
            )
        );
        return 0;
    }

    /// <summary>
    /// Bans an account from the service, or ends its ban. Hosts that run on the database learn of it.
    /// </summary>
    private static async Task<int> SetBanAsync(
        Database database,
        bool ban,
        string[] args,
        string? reason,
        TextWriter output
    )
    {
        if (args is not [var text, ..] || !Did.TryParse(text, out Did did))
            throw new ConfigurationException(ban ? Ban : Unban, "must be followed by the DID of an account.");
        await using ServiceProvider services = new ServiceCollection()
            .AddCore(database, new CoreSettings())
            .BuildServiceProvider();
        Bans bans = services.GetRequiredService<Bans>();
        bool changed = ban
            ? await bans.BanAccountAsync(Actor.CommandLine, did, reason, CancellationToken.None)
            : await bans.UnbanAccountAsync(Actor.CommandLine, did, reason, CancellationToken.None);
        await output.WriteLineAsync(
            (ban, changed) switch
            {
                (true, true) => $"{did} is banned",
                (true, false) => $"{did} was already banned",
                (false, true) => $"{did} is no longer banned",
                (false, false) => $"{did} was not banned",
            }
        );
        return 0;
    }

    private static async Task RequireSchemaAsync(Database database)
    {
        await using MlsDbContext context = database.Open();
        // This is asked before connecting, because SQLite would create the file.
        if (
            context.Database.IsSqlite()
            && !File.Exists(
                new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder(
                    context.Database.GetConnectionString()
                ).DataSource
            )
        )
            throw new ConfigurationException("ConnectionStrings:Default", "names no database that exists.");
        try
        {
            await StorageStartup.RequireKnownAsync(context.Database, CancellationToken.None);
        }
        catch (NewerSchemaException exception)
        {
            throw Storage.OfNewerSchema(exception);
        }
        if ((await context.Database.GetPendingMigrationsAsync()).Any())
            throw new ConfigurationException(
                "ConnectionStrings:Default",
                "names a database of another version: start the host on it once."
            );
    }
}
