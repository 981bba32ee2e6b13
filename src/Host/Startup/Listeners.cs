using System.Globalization;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MlsConsole.Host.Startup;

/// <summary>Reads where the host listens, and has Kestrel listen there.</summary>
internal static class Listeners
{
    public const string PublicSetting = "Endpoints:Public",
        ConsoleSetting = "Endpoints:Console",
        UrlsSetting = "ASPNETCORE_URLS";

    /// <summary>
    /// The listeners of <c>Endpoints:Public</c> and <c>Endpoints:Console</c>; where neither is set, those of the
    /// settings of ASP.NET Core, each of which serves everything. None at all means Kestrel's default address, which is
    /// loopback.
    /// </summary>
    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static IReadOnlyList<Listener> Read(IConfiguration configuration)
    {
        string[] forClients = Split(configuration[PublicSetting]),
            forOperators = Split(configuration[ConsoleSetting]);
        if (forClients.Length == 0 && forOperators.Length == 0)
            return [.. OfAspNetCore(configuration)];
        if (forClients.Length == 0 || forOperators.Length == 0)
            throw new ConfigurationException(
                forClients.Length == 0 ? PublicSetting : ConsoleSetting,
                $"must be set where {(forClients.Length == 0 ? ConsoleSetting : PublicSetting)} is; "
                    + "the same address in both serves both."
            );
        if (configuration.GetSection("Kestrel:Endpoints").GetChildren().FirstOrDefault() is { } endpoint)
            throw new ConfigurationException(endpoint.Path, $"must not be set beside {PublicSetting}.");
        List<Listener> listeners = [];
        foreach (string url in forClients)
            Add(listeners, Listener.Parse(PublicSetting, url, Serving.Public));
        foreach (string url in forOperators)
            Add(listeners, Listener.Parse(ConsoleSetting, url, Serving.Console));
        return listeners;
    }

    /// <summary>
    /// Whether the host tells Kestrel itself where to listen. If not, Kestrel reads the settings of ASP.NET Core.
    /// </summary>
    public static bool AreOurs(IConfiguration configuration) =>
        !string.IsNullOrEmpty(configuration[PublicSetting])
        || (
            CertificateFile.IsSet(configuration, ListenerCertificate.Section)
            && !configuration.GetSection("Kestrel:Endpoints").GetChildren().Any()
        );

    /// <summary>Has Kestrel listen, and mark each connection with what its listener serves.</summary>
    public static void Listen(this KestrelServerOptions kestrel, IEnumerable<Listener> listeners)
    {
        foreach (Listener listener in listeners)
        {
            if (listener.IsLocalhost)
                kestrel.ListenLocalhost(listener.Port, Configure);
            else if (listener.Ip is { } ip)
                kestrel.Listen(ip, listener.Port, Configure);
            else
                kestrel.ListenAnyIP(listener.Port, Configure);

            void Configure(ListenOptions options)
            {
                options.Use(next =>
                    connection =>
                    {
                        connection.Features.Set(new ServedPaths(listener.Serves));
                        return next(connection);
                    }
                );
                if (listener.IsHttps)
                    options.UseHttps(
                        options.ApplicationServices.GetRequiredService<ListenerCertificate>().HandshakeOptions
                    );
            }
        }
    }

    /// <summary>
    /// Takes the addresses away from the settings of ASP.NET Core, or Kestrel would warn that they are overruled. The
    /// images of .NET set a port for every container.
    /// </summary>
    public static void Forget(ConfigurationManager configuration)
    {
        foreach (string key in (string[])["URLS", "HTTP_PORTS", "HTTPS_PORTS"])
            if (!string.IsNullOrEmpty(configuration[key]))
                configuration[key] = "";
    }

    private static void Add(List<Listener> listeners, Listener added)
    {
        int same = listeners.FindIndex(one => one.Port != 0 && one.Place == added.Place);
        if (same < 0)
            same = listeners.FindIndex(one => one.Url.Equals(added.Url, StringComparison.OrdinalIgnoreCase));
        if (same < 0)
            listeners.Add(added);
        else if (listeners[same].IsHttps == added.IsHttps)
            listeners[same] = listeners[same] with { Serves = listeners[same].Serves | added.Serves };
        else
            throw new ConfigurationException(
                added.Setting,
                $"has '{added.Url}', an address that is also to be listened on as '{listeners[same].Url}'."
            );
    }

    private static IEnumerable<Listener> OfAspNetCore(IConfiguration configuration)
    {
        List<IConfigurationSection> endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren()];
        if (endpoints.Count > 0)
            return endpoints
                .Where(static endpoint => endpoint["Url"] is not null)
                .Select(static endpoint => Listener.Parse(endpoint.Path + ":Url", endpoint["Url"]!, Serving.Both));
        string[] urls = Split(configuration["URLS"]);
        if (urls.Length > 0)
            return urls.Select(static url => Listener.Parse(UrlsSetting, url, Serving.Both));
        // A port alone means every interface of the machine. Kestrel ignores such a port where addresses are given.
        return ((string[])["http", "https"]).SelectMany(scheme =>
        {
            string key = string.Create(CultureInfo.InvariantCulture, $"{scheme.ToUpperInvariant()}_PORTS");
            return Split(configuration[key])
                .Select(port => Listener.Parse($"ASPNETCORE_{key}", $"{scheme}://*:{port}", Serving.Both));
        });
    }

    private static string[] Split(string? urls) =>
        urls?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
