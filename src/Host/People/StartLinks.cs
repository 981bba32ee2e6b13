using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using MlsConsole.Core.People;
using MlsConsole.Dashboard.People;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.People;

/// <summary>
/// What a host that has started prints for whoever started it: the link that makes the first admin, or that of a
/// demonstration. The links go to the standard output and never into the log.
/// </summary>
internal static class StartLinks
{
    /// <param name="app">The host, which listens.</param>
    /// <param name="isNewDatabase">Whether this start has made the database.</param>
    public static async Task PrintAsync(WebApplication app, bool isNewDatabase)
    {
        PeopleSettings settings = app.Services.GetRequiredService<PeopleSettings>();
        Demonstration demonstration = app.Services.GetRequiredService<Demonstration>();
        OneTimeLinks links = app.Services.GetRequiredService<OneTimeLinks>();
        Listening listening = app.Services.GetRequiredService<Listening>();
        Uri console = app.Services.GetRequiredService<HostSettings>().ConsoleUrl ?? AddressOf(app, listening);
        if (settings.IsDemo && !listening.IsReachable)
        {
            if (await demonstration.StartAsync(isNewDatabase, CancellationToken.None) is { } token)
            {
                await Console.Out.WriteLineAsync($"demo link: {new Uri(console, $"/demo?token={token}")}");
                return;
            }
            await Console.Out.WriteLineAsync("This database was not made by a demonstration: sign in as usual.");
        }
        else
            await demonstration.EndAsync(CancellationToken.None);
        if (await links.IsThereAnAdminAsync(CancellationToken.None) || !settings.Passwords)
            return;
        string first = await links.MakeForAdminAsync(LinkPurpose.FirstAdmin, CancellationToken.None);
        await Console.Out.WriteLineAsync(
            $"first admin: open {ConsoleAddress.LinkOf(console, first)} within an hour; the link works once"
        );
    }

    /// <summary>
    /// The address at which the console listens. A passkey works on localhost and not on 127.0.0.1, so the name is
    /// printed.
    /// </summary>
    private static Uri AddressOf(WebApplication app, Listening listening)
    {
        string? told = listening
            .Listeners.FirstOrDefault(static listener => listener.Serves.HasFlag(Serving.Console) && listener.Port != 0)
            ?.Url;
        string? bound = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()
            ?.Addresses.FirstOrDefault();
        BindingAddress address = BindingAddress.Parse(told ?? bound ?? "http://localhost:5000");
        bool hasName = Uri.CheckHostName(address.Host) == UriHostNameType.Dns;
        return new UriBuilder(address.Scheme, hasName ? address.Host : "localhost", address.Port).Uri;
    }
}
