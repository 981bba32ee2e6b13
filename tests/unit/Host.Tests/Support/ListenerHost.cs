using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>
/// What a host puts before all else, on Kestrel, and nothing behind it: every request that comes so far is answered
/// with the caller's address, the scheme and the host that the rest of the program would see.
/// </summary>
internal sealed class ListenerHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ListenerHost(WebApplication app) => _app = app;

    public KestrelServerLimits Limits =>
        _app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

    /// <param name="settings">As on a command line, such as <c>Endpoints:Public=http://127.0.0.1:5000</c>.</param>
    public static async Task<ListenerHost> Start(params string[] settings)
    {
        WebApplicationBuilder builder = HostBuilding.CreateBuilder([
            "--environment=Production",
            "--Service:Did=did:web:mls.example.com",
            .. settings.Select(static setting => "--" + setting),
        ]);
        builder.Logging.ClearProviders();
        builder.AddListeners();
        builder.Services.AddSingleton(TimeProvider.System);
        WebApplication app = builder.Build();
        app.Run(context =>
            context.Response.WriteAsync(
                $"{context.Connection.RemoteIpAddress} {context.Request.Scheme} {context.Request.Host}"
            )
        );
        await app.StartAsync();
        return new(app);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
