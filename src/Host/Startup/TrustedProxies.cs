using System.Net;
using Microsoft.AspNetCore.HttpOverrides;
using IPNetwork = System.Net.IPNetwork;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The proxies whose <c>X-Forwarded-For</c>, <c>-Proto</c> and <c>-Host</c> are believed. Without any, nobody's are.
/// </summary>
internal static class TrustedProxies
{
    public const string Setting = "Proxies:Trusted";

    private const string AspNetCoreSwitch = "FORWARDEDHEADERS_ENABLED";

    /// <returns>Networks; an address alone is a network of one.</returns>
    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static IReadOnlyList<IPNetwork> Read(IConfiguration configuration)
    {
        if (string.Equals(configuration[AspNetCoreSwitch], "true", StringComparison.OrdinalIgnoreCase))
            throw new ConfigurationException(
                $"ASPNETCORE_{AspNetCoreSwitch}",
                $"would believe whoever connects: name the proxies in {Setting} instead."
            );
        return
        [
            .. (configuration[Setting] ?? "")
                .Split([';', ',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(Parse),
        ];
    }

    /// <param name="proxies">At least one: the middleware would believe everybody if it had none.</param>
    /// <param name="allowedHosts">The hosts that a proxy may name.</param>
    public static ForwardedHeadersOptions Options(IReadOnlyList<IPNetwork> proxies, IReadOnlyList<string> allowedHosts)
    {
        ForwardedHeadersOptions options = new()
        {
            ForwardedHeaders =
                ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost,
            // As many as there are proxies in a row: each entry was written by one that is trusted.
            ForwardLimit = null,
            AllowedHosts = [.. allowedHosts],
        };
        // By default loopback is trusted.
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (IPNetwork proxy in proxies)
            options.KnownIPNetworks.Add(proxy);
        return options;
    }

    private static IPNetwork Parse(string text)
    {
        if (IPNetwork.TryParse(text, out IPNetwork network))
            return network;
        if (IPAddress.TryParse(text, out IPAddress? address))
            return new(address, address.GetAddressBytes().Length * 8);
        throw new ConfigurationException(
            Setting,
            $"has '{text}', which is neither an address nor a network, for example 10.0.0.7 or 10.0.0.0/8."
        );
    }
}
