using MlsConsole.Host;

try
{
    WebApplicationBuilder builder = HostBuilding.CreateBuilder(args);
    builder.AddIdentity();
    builder.AddCore();
    builder.Services.AddXrpc();
    // The console and its live feed, and telemetry, are added here.

    await using WebApplication app = builder.Build();
    await app.StartStorage();
    app.UseXrpc();
    app.MapServiceDocument();
    app.MapHealth();
    // The console, the hub and the metrics are mapped here.
    await app.RunOnLoopback();
    return 0;
}
catch (ConfigurationException exception)
{
    await Console.Error.WriteLineAsync($"MlsConsole cannot start: {exception.Message}");
    return 1;
}
