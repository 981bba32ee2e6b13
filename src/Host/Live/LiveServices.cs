using MlsConsole.Core;
using MlsConsole.Core.Episodes;
using MlsConsole.Core.Figures;
using MlsConsole.Host.People;

namespace MlsConsole.Host.Live;

internal static class LiveServices
{
    public static void AddLive(this IServiceCollection services)
    {
        services.AddSignalR();
        services.AddSingleton<EventStream>();
    }

    public static void MapLive(this WebApplication app)
    {
        // So that counting starts with the host and not with the first page.
        app.Services.GetRequiredService<FigureCounter>();
        app.Services.GetRequiredService<EpisodeRecorder>();
        app.MapHub<LiveHub>(LiveHub.Path).RequirePersonOrToken(ConsoleRole.Viewer);
    }
}
