using System.Net;

namespace MlsConsole.Host.Startup;

/// <summary>
/// Until the console has sign-in, whoever reaches the host can turn its switches. So the host listens on loopback only.
/// It also answers only to loopback names, because a web page could otherwise reach it by rebinding the page's own name
/// to a loopback address.
/// </summary>
internal static class LoopbackOnly
{
    public const string AllowedHosts = "localhost;*.localhost;127.0.0.1;[::1]";

    /// <summary>Checks every place from which Kestrel takes an address, before anything is bound.</summary>
    /// <exception cref="ConfigurationException">An address is not loopback.</exception>
    public static void Check(IConfiguration configuration)
    {
        foreach (string key in (string[])["HTTP_PORTS", "HTTPS_PORTS"])
        {
            // A port alone means every interface of the machine. Kestrel ignores such a port where addresses are given.
            if (!string.IsNullOrEmpty(configuration[key]) && string.IsNullOrEmpty(configuration["URLS"]))
                throw NotLoopback($"ASPNETCORE_{key}", configuration[key]!);
        }
        foreach (string url in Split(configuration["URLS"]))
            if (!IsLoopback(url))
                throw NotLoopback("ASPNETCORE_URLS", url);
        foreach (IConfigurationSection endpoint in configuration.GetSection("Kestrel:Endpoints").GetChildren())
            if (endpoint["Url"] is { } url && !IsLoopback(url))
                throw NotLoopback($"Kestrel:Endpoints:{endpoint.Key}:Url", url);
    }

    /// <summary>Checks the addresses that were bound in fact, whatever setting they came from.</summary>
    /// <exception cref="ConfigurationException">An address is not loopback.</exception>
    public static void CheckBound(IEnumerable<string> addresses)
    {
        foreach (string address in addresses)
            if (!IsLoopback(address))
                throw NotLoopback("ASPNETCORE_URLS", address);
    }

    /// <summary>Whether a server address (<c>http://host:port</c>) can be reached from this machine alone.</summary>
    public static bool IsLoopback(string url)
    {
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url.Trim());
        }
        catch (FormatException)
        {
            return false;
        }
        // Kestrel binds any other name, "*" and "+" to every interface.
        return address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(address.Host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
    }

    private static string[] Split(string? urls) =>
        urls?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static ConfigurationException NotLoopback(string key, string value) =>
        new(
            key,
            $"has '{value}', which is not a loopback address: "
                + "the console has no sign-in yet, so it must not be reachable from other machines."
        );
}
