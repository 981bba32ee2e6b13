using System.Net;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Tells addresses of the public Internet from those of private and other special networks, by IANA's special-purpose
/// address registries.
/// </summary>
internal static class PublicAddresses
{
    private static readonly IPNetwork[] s_notPublic = Networks(
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        // Parts of global unicast: protocol assignments with Teredo and ORCHID, documentation, and 6to4, which wraps an
        // IPv4 address.
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20"
    );

    private static readonly IPNetwork s_globalUnicast = IPNetwork.Parse("2000::/3"),
        s_nat64 = IPNetwork.Parse("64:ff9b::/96");

    public static bool Contain(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            return Contain(address.MapToIPv4());
        if (s_nat64.Contains(address))
            return Contain(new IPAddress(address.GetAddressBytes().AsSpan(12)));
        if (
            address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            && !s_globalUnicast.Contains(address)
        )
            return false;
        return !s_notPublic.Any(network => network.Contains(address));
    }

    private static IPNetwork[] Networks(params ReadOnlySpan<string> networks)
    {
        var parsed = new IPNetwork[networks.Length];
        for (int i = 0; i < parsed.Length; i++)
            parsed[i] = IPNetwork.Parse(networks[i]);
        return parsed;
    }
}
