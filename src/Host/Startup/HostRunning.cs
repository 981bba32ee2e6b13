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
    /// <summary>
    /// Makes sure that no other program listens on a configured address. The server itself would notice only when the
    /// database has been migrated and the background services run, and its failure would be logged with a stack trace.
    /// </summary>
    /// <exception cref="ConfigurationException">Another program listens on a port that the host is to bind.</exception>
    public static void RequireFreePorts(IEnumerable<Listener> listeners)
    {
        foreach (Listener listener in listeners)
        {
            IPAddress[] interfaces = listener.Ip is { } ip ? [ip] : [IPAddress.Loopback, IPAddress.IPv6Loopback];
            if (interfaces.Any(one => IsInUse(new IPEndPoint(one, listener.Port))))
                throw new ConfigurationException(
                    listener.Setting,
                    $"has '{listener.Url}', but another program listens on port {listener.Port}."
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

    /// <summary>Starts, makes sure that nothing else was bound than may be, and runs until told to stop.</summary>
    /// <param name="app">The host.</param>
    /// <param name="started">Called as soon as the host listens.</param>
    /// <exception cref="ConfigurationException">
    /// An address is in use, or an address that was bound breaks a rule. In the second case the host was stopped.
    /// </exception>
    public static async Task RunWhereAllowedAsync(this WebApplication app, Func<Task> started)
    {
        Listening listening = app.Services.GetRequiredService<Listening>();
        try
        {
            await app.StartAsync();
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            // Another program has taken the port since RequireFreePorts.
            throw new ConfigurationException(
                listening.Listeners is [var first, ..] ? first.Setting : Listeners.UrlsSetting,
                $"has an address that is in use: {exception.Message}"
            );
        }
        try
        {
            ICollection<string> bound =
                app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];
            listening.Rules.CheckBound(bound, listening.Listeners);
        }
        catch (ConfigurationException)
        {
            await app.StopAsync();
            throw;
        }
        app.WarnIfReadable();
        await started();
        await app.WaitForShutdownAsync();
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
