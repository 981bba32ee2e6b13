using System.Diagnostics;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>
/// Runs the program itself, because what counts is that the process ends and what its last words are.
/// </summary>
public sealed class Starting_the_host
{
    [Theory]
    [InlineData("Development", "ASPNETCORE_URLS", "http://0.0.0.0:0", "ASPNETCORE_URLS")]
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
