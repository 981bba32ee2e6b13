using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>
/// Runs the program itself, because what counts is that the process ends and what its last words are.
/// </summary>
public sealed class Starting_the_host
{
    [Theory]
    [InlineData("Development", "ASPNETCORE_URLS", "http://0.0.0.0:0", "ASPNETCORE_URLS")]
    [InlineData("Production", "ASPNETCORE_URLS", "https://*:0", "Service:Did")]
    [InlineData("Development", "Endpoints__Public", "http://127.0.0.1:0", "Endpoints:Console")]
    [InlineData("Development", "Endpoints__Certificate__Path", "/nowhere/server.pfx", "Endpoints:Certificate:Path")]
    [InlineData("Development", "Endpoints__AllowedHosts", "*", "Endpoints:AllowedHosts")]
    [InlineData("Development", "Service__PublicUrl", "http://mls.example.com", "Service:PublicUrl")]
    [InlineData("Development", "Console__PublicUrl", "https://mls.example.com/x", "Console:PublicUrl")]
    [InlineData("Development", "Proxies__Trusted", "proxy.example.com", "Proxies:Trusted")]
    [InlineData("Development", "ASPNETCORE_FORWARDEDHEADERS_ENABLED", "true", "ASPNETCORE_FORWARDEDHEADERS_ENABLED")]
    [InlineData("Development", "Limits__Connections", "0", "Limits:Connections")]
    [InlineData("Development", "Limits__WebSockets", "many", "Limits:WebSockets")]
    [InlineData("Development", "Limits__HeadersTimeout", "-1", "Limits:HeadersTimeout")]
    [InlineData("Development", "Limits__MinimumBodyRate", "-1", "Limits:MinimumBodyRate")]
    [InlineData("Development", "Limits__BodyGracePeriod", "00:00:01", "Limits:BodyGracePeriod")]
    [InlineData("Development", "Limits__KeepAlive", "long", "Limits:KeepAlive")]
    [InlineData(
        "Development",
        "DataProtection__Certificate__Path",
        "/nowhere/keys.pfx",
        "DataProtection:Certificate:Path"
    )]
    [InlineData(
        "Development",
        "DataProtection__Certificate__Previous__0__Path",
        "/nowhere/keys.pfx",
        "DataProtection:Certificate:Previous:0:Path"
    )]
    [InlineData(
        "Development",
        "DataProtection__Certificate__Previous__0__Password",
        "secret",
        "DataProtection:Certificate:Previous:0:Path"
    )]
    [InlineData("Development", "RateLimits__SubscriptionsOfAccount", "0", "RateLimits:SubscriptionsOfAccount")]
    [InlineData("Development", "RateLimits__SubscriptionsOfAddress", "0", "RateLimits:SubscriptionsOfAddress")]
    [InlineData("Development", "ASPNETCORE_HTTP_PORTS", "8080", "ASPNETCORE_HTTP_PORTS")]
    [InlineData("Development", "Kestrel__Endpoints__Public__Url", "http://*:0", "Kestrel:Endpoints:Public:Url")]
    [InlineData("Development", "Service__Did", "mls.example.com", "Service:Did")]
    [InlineData("Development", "Identity__DirectoryFile", "/nowhere/dids.json", "Identity:DirectoryFile")]
    [InlineData("Production", "Service__Did", "", "Service:Did")]
    [InlineData("Development", "Identity__PlcDirectory", "plc.directory", "Identity:PlcDirectory")]
    [InlineData("Development", "Identity__PlcDirectory", "http://plc.example.com", "Identity:PlcDirectory")]
    [InlineData("Development", "Identity__AllowPrivateHosts", "perhaps", "Identity:AllowPrivateHosts")]
    [InlineData("Development", "Storage__Provider", "Oracle", "Storage:Provider")]
    [InlineData("Development", "ConnectionStrings__Default", "Nonsense", "ConnectionStrings:Default")]
    [InlineData("Development", "ConnectionStrings__Default", "Data Source=:memory:", "ConnectionStrings:Default")]
    [InlineData(
        "Development",
        "ConnectionStrings__Default",
        "Data Source=/proc/nowhere/host.db",
        "ConnectionStrings:Default"
    )]
    [InlineData("Development", "RateLimits__Enabled", "perhaps", "RateLimits:Enabled")]
    [InlineData("Development", "RateLimits__Window", "00:00:00.5", "RateLimits:Window")]
    [InlineData("Development", "RateLimits__Window", "1.00:00:00", "RateLimits:Window")]
    [InlineData("Development", "RateLimits__Queries", "0", "RateLimits:Queries")]
    [InlineData("Development", "RateLimits__Procedures", "-1", "RateLimits:Procedures")]
    [InlineData("Development", "RateLimits__Unauthenticated", "many", "RateLimits:Unauthenticated")]
    [InlineData("Development", "RateLimits__Methods__sendMessages", "10", "RateLimits:Methods:sendMessages")]
    [InlineData("Development", "RateLimits__Methods__sendMessage", "0", "RateLimits:Methods:sendMessage")]
    [InlineData("Development", "Rollout__Initial", "50", "Rollout:Initial")]
    [InlineData("Development", "Identity__OpaqueCredentials", "perhaps", "Identity:OpaqueCredentials")]
    [InlineData("Development", "GroupInfo__CacheLifetime", "-1", "GroupInfo:CacheLifetime")]
    public async Task A_setting_that_cannot_be_used_stops_the_start_and_is_named(
        string environment,
        string key,
        string value,
        string named
    )
    {
        (int exitCode, string error) = await Run(environment, (key, value));
        Assert.Equal(1, exitCode);
        string sentence = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"MlsConsole cannot start: {named} ", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_of_a_later_version_stops_the_start_and_every_command_and_is_left_alone()
    {
        string folder = Directory.CreateTempSubdirectory("mlsconsole-later-").FullName;
        try
        {
            string connection = $"Data Source={Path.Combine(folder, "host.db")};Pooling=False";
            using (Database database = Database.Sqlite(connection))
            {
                await StorageStartup.MigrateAsync(database, CancellationToken.None);
                await using MlsDbContext context = database.Open();
                await context.Database.ExecuteSqlAsync(
                    $"INSERT INTO __EFMigrationsHistory VALUES ('99991231235959_Later', '11.0.0')"
                );
            }
            const string Problem =
                "MlsConsole cannot start: ConnectionStrings:Default names a database that a later version of this "
                + "program has migrated (99991231235959_Later): run that version, or restore the database from before.";
            byte[] before = await File.ReadAllBytesAsync(Path.Combine(folder, "host.db"));
            (int code, string error) = await Run("Development", ("ConnectionStrings__Default", connection));
            Assert.Equal((1, Problem), (code, error.Trim()));
            foreach (
                string[] command in (string[][])
                    [
                        ["verify-audit"],
                        ["export-audit"],
                        ["rotate-signature-key"],
                        ["ban", "did:web:alice.example.com"],
                        ["unban", "did:web:alice.example.com"],
                        ["flag", "show"],
                    ]
            )
            {
                (code, string output, error) = await Audit_commands.Run(command[0], connection, command[1..]);
                Assert.Equal((1, "", Problem), (code, output, error.Trim()));
            }
            Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(folder, "host.db")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static async Task<(int ExitCode, string Error)> Run(
        string environment,
        params (string Key, string Value)[] settings
    )
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("mlsconsole-start-");
        try
        {
            ProcessStartInfo start = new("dotnet", [typeof(HostSettings).Assembly.Location])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
                WorkingDirectory = folder.FullName,
            };
            start.Environment["ASPNETCORE_ENVIRONMENT"] = environment;
            start.Environment["ConnectionStrings__Default"] = $"Data Source={Path.Combine(folder.FullName, "host.db")}";
            // If the refusal were missing, the host would listen here and this test would fail by its time limit.
            start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
            foreach ((string key, string value) in settings)
                start.Environment[key] = value;
            if (settings.Any(static setting => setting.Key.EndsWith("PORTS", StringComparison.Ordinal)))
                start.Environment.Remove("ASPNETCORE_URLS");
            using Process process = Process.Start(start)!;
            using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
            Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            finally
            {
                if (!process.HasExited)
                    process.Kill();
            }
            await output;
            return (process.ExitCode, await error);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
