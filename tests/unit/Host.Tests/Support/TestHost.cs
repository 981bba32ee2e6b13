using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Host.Tests;

/// <summary>The whole host as Program.cs composes it, on Kestrel and a database of its own.</summary>
public sealed class TestHost : WebApplicationFactory<Program>
{
    private readonly DirectoryInfo? _folder;
    private readonly (string Key, string Value)[] _settings;

    public TestHost()
        : this(null) { }

    /// <param name="database">The database of another host; null for one of its own.</param>
    /// <param name="settings">Beside the usual ones.</param>
    internal TestHost(TestHost? database, params (string Key, string Value)[] settings)
    {
        _settings = settings;
        if (database is null)
            _folder = Directory.CreateTempSubdirectory("mlsconsole-host-tests-");
        Connection = database?.Connection ?? $"Data Source={Path.Combine(_folder!.FullName, "host.db")};Pooling=False";
        UseKestrel(0);
        StartServer();
        Address = ClientOptions.BaseAddress;
    }

    public Uri Address { get; }

    public string Connection { get; }

    /// <summary>A client that calls the console with a new API token.</summary>
    internal async Task<HttpClient> ClientAsync(ConsoleRole role = ConsoleRole.Admin)
    {
        string token = await Services
            .GetRequiredService<ApiTokens>()
            .MakeAsync(Actor.CommandLine, $"test-{Guid.NewGuid():N}", role, days: 1, CancellationToken.None);
        HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Development");
        builder.UseSetting("ConnectionStrings:Default", Connection);
        foreach ((string key, string value) in _settings)
            builder.UseSetting(key, value);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing && _folder is { Exists: true })
            Delete(_folder);
    }

    /// <summary>
    /// A request that was let go of may still read: its connection makes files of its own beside the database.
    /// </summary>
    private static void Delete(DirectoryInfo folder)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                folder.Delete(recursive: true);
                return;
            }
            catch (IOException) when (tries < 50)
            {
                Thread.Sleep(100);
            }
        }
    }
}
