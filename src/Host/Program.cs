using MlsConsole.Host.Duties;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Live;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Telemetry;
using MlsConsole.Host.Xrpc;

try
{
    if (await Commands.RunAsync(args) is { } exitCode)
        return exitCode;
    WebApplicationBuilder builder = HostBuilding.CreateBuilder(args);
    builder.AddListeners();
    builder.AddIdentity();
    builder.AddCore();
    builder.Services.AddXrpc();
    builder.Services.AddLive();
    builder.Services.AddDuties();
    builder.Services.AddTelemetry();
    builder.AddConsole();

    await using WebApplication app = builder.Build();
    await app.StartStorageAsync();
    app.RefuseHubsWhileStopping();
    app.UseXrpc();
    app.MapServiceDocument();
    app.MapHealth();
    app.MapLive();
    app.MapMetrics();
    app.MapConsole();
    await app.RunWhereAllowedAsync();
    return 0;
}
catch (ConfigurationException exception)
{
    await Console.Error.WriteLineAsync($"MlsConsole cannot start: {exception.Message}");
    return 1;
}
