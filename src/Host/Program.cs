using MlsConsole.Host.Api;
using MlsConsole.Host.Duties;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Live;
using MlsConsole.Host.People;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Telemetry;
using MlsConsole.Host.Xrpc;

try
{
    if (await Commands.RunAsync(args) is { } exitCode)
        return exitCode;
    WebApplicationBuilder builder = HostBuilding.CreateBuilder(args);
    Listening listening = builder.AddListeners();
    builder.AddIdentity();
    builder.AddCore();
    builder.Services.AddXrpc();
    builder.Services.AddLive();
    builder.Services.AddDuties();
    builder.Services.AddTelemetry();
    builder.AddPeople(listening);
    builder.Services.AddConsoleApi();
    builder.AddConsole();

    await using WebApplication app = builder.Build();
    bool isNewDatabase = await app.StartStorageAsync();
    app.UseXrpc();
    app.UseConsole();
    app.MapServiceDocument();
    app.MapHealth();
    app.MapLive();
    app.MapMetrics();
    app.MapConsoleApi();
    app.MapConsole();
    await app.RunWhereAllowedAsync(() => StartLinks.PrintAsync(app, isNewDatabase));
    return 0;
}
catch (ConfigurationException exception)
{
    await Console.Error.WriteLineAsync($"MlsConsole cannot start: {exception.Message}");
    return 1;
}
