using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;

namespace MlsConsole.Host.Tests;

/// <summary>The whole host as Program.cs composes it, on Kestrel and a database of its own.</summary>
public sealed class TestHost : WebApplicationFactory<Program>
{
    private readonly string folder = Directory.CreateTempSubdirectory("mlsconsole-host-tests-").FullName;

    public TestHost()
    {
        UseKestrel(0);
        StartServer();
        Address = ClientOptions.BaseAddress;
    }

    public Uri Address { get; }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Development");
        builder.UseSetting("ConnectionStrings:Default", $"Data Source={Path.Combine(folder, "host.db")};Pooling=False");
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing && Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }
}
