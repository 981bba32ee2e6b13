using MlsConsole.Host;

try
{
    WebApplicationBuilder builder = HostBuilding.CreateBuilder(args);
    builder.AddIdentity();

    await using WebApplication app = builder.Build();
    app.MapServiceDocument();
    app.MapHealth();
    await app.RunOnLoopback();
    return 0;
}
catch (ConfigurationException exception)
{
    await Console.Error.WriteLineAsync($"MlsConsole cannot start: {exception.Message}");
    return 1;
}
