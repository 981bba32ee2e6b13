using System.Globalization;
using System.Net;

namespace MlsConsole.Host.Startup;

/// <summary>What a listener serves; see <see cref="ServedPaths"/>.</summary>
[Flags]
internal enum Serving
{
    /// <summary>The XRPC methods and what clients of the service ask besides.</summary>
    Public = 1,

    /// <summary>The console and what operators ask besides.</summary>
    Console = 2,

    Both = Public | Console,
}

/// <summary>An address on which the host listens.</summary>
/// <param name="Setting">The key of the setting that has the address.</param>
/// <param name="Url">The address as it was written: <c>scheme://host:port</c>.</param>
/// <param name="Serves">What is served there.</param>
internal sealed record Listener(string Setting, string Url, Serving Serves)
{
    private BindingAddress Address => BindingAddress.Parse(Url);

    public string Host => Address.Host;

    public int Port => Address.Port;

    public bool IsHttps => Address.Scheme.Equals("https", StringComparison.OrdinalIgnoreCase);

    /// <summary>The address of one interface; null for localhost and for every interface.</summary>
    public IPAddress? Ip => IPAddress.TryParse(Host, out IPAddress? ip) ? ip : null;

    public bool IsLocalhost => Host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the listener can be reached from this machine alone.</summary>
    public bool IsLoopback => IsLocalhost || (Ip is { } ip && IPAddress.IsLoopback(ip));

    /// <summary>Equal for two listeners that would bind the same address.</summary>
    public string Place => string.Create(CultureInfo.InvariantCulture, $"{Host.ToUpperInvariant()}:{Port}");

    /// <exception cref="ConfigurationException">The text is no address that a host can listen on.</exception>
    public static Listener Parse(string setting, string url, Serving serves)
    {
        Listener listener = new(setting, url, serves);
        return IsUsable(listener)
            ? listener
            : throw new ConfigurationException(
                setting,
                $"has '{url}', which is not an address to listen on, for example https://192.0.2.1:443, "
                    + "http://localhost:5000 or https://*:443."
            );
    }

    private static bool IsUsable(Listener listener)
    {
        BindingAddress address;
        try
        {
            address = listener.Address;
        }
        catch (FormatException)
        {
            return false;
        }
        // Kestrel would bind any other name to every interface.
        return (listener.IsHttps || address.Scheme.Equals("http", StringComparison.OrdinalIgnoreCase))
            && (address.Host is "*" or "+" || listener.IsLocalhost || listener.Ip is not null)
            // Kestrel finds no free port for the two addresses of localhost.
            && address.Port >= (listener.IsLocalhost ? 1 : 0)
            && address.Port <= IPEndPoint.MaxPort
            && address.PathBase.Length == 0;
    }
}
