namespace MlsConsole.Host.Startup;

/// <summary>
/// Decides whether the host may listen where it is told to. Development, which believes callers more, stays on this
/// machine. Anywhere else a listener that others can reach needs TLS, its own or that of a proxy which is trusted, and
/// a public address, so that no caller's Host header decides what the service says of itself.
/// </summary>
/// <param name="development">Whether the environment is Development.</param>
/// <param name="certificate">Whether <c>Endpoints:Certificate</c> is set.</param>
/// <param name="proxies">Whether <c>Proxies:Trusted</c> names anybody.</param>
/// <param name="settings">The public addresses.</param>
internal sealed class ListenerRules(bool development, bool certificate, bool proxies, HostSettings settings)
{
    /// <exception cref="ConfigurationException">A listener breaks a rule.</exception>
    public void Check(IEnumerable<Listener> listeners)
    {
        foreach (Listener listener in listeners)
            Check(listener);
    }

    /// <summary>Checks the addresses that were bound in fact, whatever setting they came from.</summary>
    /// <param name="addresses">As Kestrel writes them.</param>
    /// <param name="configured">The addresses that the host was told to listen on.</param>
    /// <exception cref="ConfigurationException">An address breaks a rule.</exception>
    public void CheckBound(IEnumerable<string> addresses, IReadOnlyList<Listener> configured)
    {
        foreach (string address in addresses)
        {
            Listener bound = Listener.Parse(Listeners.UrlsSetting, address, Serving.Both);
            Listener? source = configured.FirstOrDefault(one => one.Port == bound.Port);
            Check(bound with { Setting = source?.Setting ?? bound.Setting, Serves = source?.Serves ?? bound.Serves });
        }
    }

    private void Check(Listener listener)
    {
        if (listener.IsHttps && !certificate && listener.Setting.StartsWith("Endpoints:", StringComparison.Ordinal))
            throw new ConfigurationException(
                CertificateFile.PathOf(ListenerCertificate.Section),
                $"must name the certificate of {listener.Url}."
            );
        if (listener.IsLoopback)
            return;
        if (development)
            throw Refused(listener, "Development may listen on loopback addresses only.");
        if (listener.Setting.StartsWith("Kestrel:", StringComparison.Ordinal))
            throw Refused(
                listener,
                $"name such addresses in {Listeners.PublicSetting} and {Listeners.ConsoleSetting}."
            );
        if (!proxies && !(certificate && listener.IsHttps))
            throw Refused(
                listener,
                "it must be https with Endpoints:Certificate, or Proxies:Trusted must name the proxies before it."
            );
        if (listener.Serves.HasFlag(Serving.Public) && settings.PublicUrl is null)
            throw Missing(HostSettings.PublicUrlSetting, listener);
        if (listener.Serves.HasFlag(Serving.Console) && settings.ConsoleUrl is null)
            throw Missing(HostSettings.ConsoleUrlSetting, listener);
    }

    private static ConfigurationException Refused(Listener listener, string rule) =>
        new(listener.Setting, $"has '{listener.Url}', which is not a loopback address: {rule}");

    private static ConfigurationException Missing(string setting, Listener listener) =>
        new(setting, $"must be set, because {listener.Url} is not a loopback address.");
}
