using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.SignalR;

namespace MlsConsole.Host.Startup;

/// <summary>Starting the server, and stopping it.</summary>
internal static class HostRunning
{
    private const string UrlsSetting = "ASPNETCORE_URLS";

    /// <summary>
    /// Makes sure that no other program listens on a configured address. The server itself would notice only when the
    /// database has been migrated and the background services run, and its failure would be logged with a stack trace.
    /// </summary>
    /// <exception cref="ConfigurationException">Another program listens on a port that the host is to bind.</exception>
    public static void RequireFreePorts(this WebApplicationBuilder builder)
    {
        foreach (var (setting, url) in ConfiguredAddresses(builder.Configuration))
        {
            BindingAddress address = BindingAddress.Parse(url);
            IPAddress[] interfaces = IPAddress.TryParse(address.Host, out IPAddress? ip)
                ? [ip]
                : [IPAddress.Loopback, IPAddress.IPv6Loopback];
            if (interfaces.Any(one => IsInUse(new IPEndPoint(one, address.Port))))
                throw new ConfigurationException(
                    setting,
                    $"has '{url}', but another program listens on port {address.Port}."
                );
        }
    }

    /// <summary>
    /// Refuses new connections of SignalR, those of the console's pages among them, as soon as the host is told to
    /// stop. SignalR then closes the connections that exist, and a page that loses its connection reconnects at once,
    /// while the server still listens. Nobody would close the new connection: the server would wait for its end until
    /// the shutdown timeout (30 seconds), and the page would go on to use services that are already disposed.
    /// </summary>
    public static void RefuseHubsWhileStopping(this WebApplication app)
    {
        CancellationToken stopping = app.Lifetime.ApplicationStopping;
        app.Use(
            (context, next) =>
            {
                if (
                    !stopping.IsCancellationRequested
                    || context.GetEndpoint()?.Metadata.GetMetadata<HubMetadata>() is null
                )
                    return next(context);
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return Task.CompletedTask;
            }
        );
    }

    /// <summary>Starts, makes sure that only loopback was bound, and runs until the host is told to stop.</summary>
    /// <param name="app">The host.</param>
    /// <param name="started">Called as soon as the host listens.</param>
    /// <exception cref="ConfigurationException">
    /// An address is in use, or an address that was bound is not loopback. In the second case the host was stopped.
    /// </exception>
    public static async Task RunOnLoopbackAsync(this WebApplication app, Func<Task> started)
    {
        try
        {
            await app.StartAsync();
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            // Another program has taken the port since RequireFreePorts.
            throw new ConfigurationException(UrlsSetting, $"has an address that is in use: {exception.Message}");
        }
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
        await started();
        await app.WaitForShutdownAsync();
    }

    /// <summary>The addresses that Kestrel binds, each with its setting. The endpoints overrule the URLs.</summary>
    private static IEnumerable<(string Setting, string Url)> ConfiguredAddresses(ConfigurationManager configuration)
    {
        List<IConfigurationSection> endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren()];
        if (endpoints.Count > 0)
            return endpoints
                .Where(static endpoint => endpoint["Url"] is not null)
                .Select(static endpoint => ($"Kestrel:Endpoints:{endpoint.Key}:Url", endpoint["Url"]!));
        string urls = configuration["URLS"] ?? "";
        return urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(static url => (UrlsSetting, url));
    }

    private static bool IsInUse(IPEndPoint endpoint)
    {
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endpoint);
            return false;
        }
        catch (SocketException exception)
        {
            // Any other failure, such as a machine without IPv6, is left to the server.
            return exception.SocketErrorCode == SocketError.AddressAlreadyInUse;
        }
    }
}
