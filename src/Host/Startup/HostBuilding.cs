namespace MlsConsole.Host;

/// <summary>What is decided before services are added: folders, addresses, settings.</summary>
internal static class HostBuilding
{
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // Static files are in wwwroot beside the solution; the publish target copies them beside the program.
        string webRoot = Path.Combine(SourceTree.RootOf(Directory.GetCurrentDirectory()), "wwwroot");
        if (!Directory.Exists(webRoot)) webRoot = Path.Combine(AppContext.BaseDirectory, "wwwroot");
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args,
            WebRootPath = Directory.Exists(webRoot) ? webRoot : null,
        });
        builder.Configuration["AllowedHosts"] = LoopbackOnly.AllowedHosts;
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
        LoopbackOnly.Check(builder.Configuration);
        return builder;
    }

    /// <summary>Reads and checks the host's own settings and adds the services that need nothing but them.</summary>
    public static void AddIdentity(this WebApplicationBuilder builder)
    {
        HostSettings settings = HostSettings.Read(builder.Configuration, builder.Environment);
        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton(new DidResolver(settings));
        builder.Services.AddSingleton(TimeProvider.System);
    }
}
