using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Startup;

/// <summary>Decides what must be known before services are added: folders and defaults of settings.</summary>
internal static class HostBuilding
{
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        // Settings are read beside the program and not in the folder from which it was started.
        WebApplicationBuilder builder = WebApplication.CreateBuilder(
            new WebApplicationOptions
            {
                Args = args,
                ContentRootPath = AppContext.BaseDirectory,
                WebRootPath = SourceTree.WebRoot,
            }
        );
        if (string.IsNullOrEmpty(builder.Configuration["ConnectionStrings:Default"]))
            builder.Configuration["ConnectionStrings:Default"] =
                $"Data Source={Path.Combine(SourceTree.DataFolder(), "mlsconsole.db")}";
        return builder;
    }

    /// <summary>Reads and checks the host's own settings and adds the services that need only these settings.</summary>
    /// <exception cref="ConfigurationException">A setting cannot be used.</exception>
    public static void AddIdentity(this WebApplicationBuilder builder)
    {
        HostSettings settings = HostSettings.Read(builder.Configuration, builder.Environment);
        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton<DidFetcher>();
        builder.Services.AddSingleton<DidResolver>();
        builder.Services.AddSingleton<ServiceAuthentication>();
        builder.Services.AddSingleton(RateLimitSettings.Read(builder.Configuration));
        builder.Services.AddSingleton<RateLimits>();
        builder.Services.AddSingleton(TimeProvider.System);
    }
}
