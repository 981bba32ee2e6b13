using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using MlsConsole.Core.People;
using MlsConsole.Dashboard.People;

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
        Uri console = settings.PublicUrl ?? AddressOf(app);
        if (settings.IsDemo && console.IsLoopback)
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
    /// The address that was bound first. A passkey works on localhost and not on 127.0.0.1, so the name is printed.
    /// </summary>
    private static Uri AddressOf(WebApplication app)
    {
        string bound =
            app.Services.GetRequiredService<IServer>()
                .Features.Get<IServerAddressesFeature>()
                ?.Addresses.FirstOrDefault()
            ?? "http://localhost";
        UriBuilder address = new(
            bound
                .Replace("*", "localhost", StringComparison.Ordinal)
                .Replace("+", "localhost", StringComparison.Ordinal)
        );
        if (
            System.Net.IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip)
            && System.Net.IPAddress.IsLoopback(ip)
        )
            address.Host = "localhost";
        return address.Uri;
    }
}
