using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace MlsConsole.Host.Startup;

internal static class HostRunning
{
    /// <summary>Starts, makes sure that only loopback was bound, and runs until it is told to stop.</summary>
    /// <exception cref="ConfigurationException">An address that was bound is not loopback; the host has been stopped.</exception>
    public static async Task RunOnLoopbackAsync(this WebApplication app)
    {
        await app.StartAsync();
        try
        {
            ICollection<string> bound =
                app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
            LoopbackOnly.CheckBound(bound);
        }
        catch (ConfigurationException)
        {
            await app.StopAsync();
            throw;
        }
        await app.WaitForShutdownAsync();
    }
}
