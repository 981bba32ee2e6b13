using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting.Internal;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

/// <summary>Where a host may listen, by its settings alone.</summary>
public sealed class Listener_rules
{
    private const string Certificate = "Endpoints:Certificate:Path=/etc/mls.pem",
        Proxies = "Proxies:Trusted=10.0.0.0/8",
        Urls = "Service:PublicUrl=https://mls.example.com\nConsole:PublicUrl=https://console.example.com";

    [Theory]
    [InlineData("http://localhost:5000")]
    [InlineData("http://LOCALHOST:5000")]
    [InlineData("http://127.0.0.1:0")]
    [InlineData("http://127.8.9.1:80")]
    [InlineData("http://[::1]:5001")]
    public void Loopback_addresses_need_nothing(string url)
    {
        foreach (bool development in (bool[])[true, false])
        {
            Check(development, $"URLS={url}");
            Check(development, $"Endpoints:Public={url}", $"Endpoints:Console={url}");
            Check(development, $"Kestrel:Endpoints:X:Url={url}");
        }
    }

    [Fact]
    public void No_address_at_all_is_the_default_which_is_loopback() => Check(true);

    [Theory]
    [InlineData("http://0.0.0.0:5000")]
    [InlineData("http://[::]:5000")]
    [InlineData("https://*:5000")]
    [InlineData("http://+:5000")]
    [InlineData("https://192.168.1.4:5000")]
    public void Development_may_listen_nowhere_else(string url)
    {
        foreach (
            string settings in (string[])
                [
                    $"URLS=http://localhost:5000;{url}",
                    $"Endpoints:Public={url}\nEndpoints:Console=http://localhost:1",
                    $"Endpoints:Console={url}\nEndpoints:Public=http://localhost:1",
                ]
        )
        {
            string problem = Refusal(true, settings, Certificate, Proxies, Urls);
            Assert.EndsWith(
                $" has '{url}', which is not a loopback address: Development may listen on loopback addresses only.",
                problem,
                StringComparison.Ordinal
            );
        }
    }

    [Theory]
    [InlineData("HTTP_PORTS=8080")]
    [InlineData("HTTPS_PORTS=8080")]
    public void A_port_alone_is_every_interface(string setting)
    {
        Assert.StartsWith(
            $"ASPNETCORE_{setting.Split('=')[0]} has 'http",
            Refusal(true, setting),
            StringComparison.Ordinal
        );
        Check(false, setting, Certificate, Proxies, Urls);
        // Kestrel ignores it where addresses are given.
        Check(true, setting, "URLS=http://localhost:1");
    }

    [Theory]
    [InlineData("http://192.0.2.1:80", Certificate)]
    [InlineData("http://*:80", "")]
    [InlineData("https://*:443", "")]
    public void Others_reach_it_by_tls_or_through_proxies_alone(string url, string settings) =>
        Assert.Equal(
            $"ASPNETCORE_URLS has '{url}', which is not a loopback address: it must be https with "
                + "Endpoints:Certificate, or Proxies:Trusted must name the proxies before it.",
            Refusal(false, $"URLS={url}", settings, Urls)
        );

    [Theory]
    [InlineData("https://192.0.2.1:443", Certificate)]
    [InlineData("http://192.0.2.1:80", Proxies)]
    public void With_either_it_may_listen_for_others_under_public_addresses(string url, string settings)
    {
        Check(false, $"URLS={url}", settings, Urls);
        string clients = $"Endpoints:Public={url}\nEndpoints:Console=http://localhost:1";
        Check(false, clients, settings, "Service:PublicUrl=https://mls.example.com");
        Assert.Equal(
            $"Service:PublicUrl must be set, because {url} is not a loopback address.",
            Refusal(false, clients, settings, "Console:PublicUrl=https://console.example.com")
        );
        string operators = $"Endpoints:Console={url}\nEndpoints:Public=http://localhost:1";
        Check(false, operators, settings, "Console:PublicUrl=https://console.example.com");
        Assert.Equal(
            $"Console:PublicUrl must be set, because {url} is not a loopback address.",
            Refusal(false, operators, settings, "Service:PublicUrl=https://mls.example.com")
        );
    }

    [Fact]
    public void A_listener_with_https_needs_the_certificate_even_on_loopback() =>
        Assert.Equal(
            "Endpoints:Certificate:Path must name the certificate of https://localhost:1.",
            Refusal(false, "Endpoints:Public=https://localhost:1\nEndpoints:Console=http://localhost:2")
        );

    [Fact]
    public void Kestrels_own_endpoints_stay_on_loopback_and_stand_beside_no_other() =>
        Assert.Equal(
            [
                "Kestrel:Endpoints:X:Url has 'https://*:1', which is not a loopback address: "
                    + "name such addresses in Endpoints:Public and Endpoints:Console.",
                "Kestrel:Endpoints:X must not be set beside Endpoints:Public.",
            ],
            [
                Refusal(false, "Kestrel:Endpoints:X:Url=https://*:1", Certificate, Proxies, Urls),
                Refusal(
                    false,
                    "Kestrel:Endpoints:X:Url=http://localhost:1",
                    "Endpoints:Public=http://localhost:1",
                    "Endpoints:Console=http://localhost:1"
                ),
            ]
        );

    [Theory]
    [InlineData("nonsense")]
    [InlineData("ftp://localhost:1")]
    [InlineData("http://example.com:5000")]
    [InlineData("http://localhost.example.com:5000")]
    [InlineData("http://localhost:0")]
    [InlineData("http://localhost:1/base")]
    [InlineData("http://127.0.0.1:65536")]
    [InlineData("http://unix:/tmp/socket")]
    public void What_is_no_address_is_named(string url)
    {
        Assert.StartsWith($"ASPNETCORE_URLS has '{url}', ", Refusal(false, $"URLS={url}"), StringComparison.Ordinal);
        Assert.StartsWith(
            $"Endpoints:Console has '{url}', ",
            Refusal(false, "Endpoints:Public=http://localhost:1", $"Endpoints:Console={url}"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void One_address_serves_both_and_each_needs_one()
    {
        IConfiguration configuration = With(
            "Endpoints:Public=http://localhost:1; http://127.0.0.1:0",
            "Endpoints:Console=HTTP://LOCALHOST:1;http://127.0.0.2:0;http://[::1]:3"
        );
        Assert.Equal(
            [(1, Serving.Both), (0, Serving.Public), (0, Serving.Console), (3, Serving.Console)],
            Listeners.Read(configuration).Select(static one => (one.Port, one.Serves))
        );
        Assert.StartsWith(
            "Endpoints:Console must be set where Endpoints:Public is",
            Refusal(false, "Endpoints:Public=http://localhost:1"),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "Endpoints:Public must be set where Endpoints:Console is",
            Refusal(false, "Endpoints:Console=http://localhost:1"),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "Endpoints:Console has 'https://localhost:1', an address that is also",
            Refusal(false, "Endpoints:Public=http://localhost:1", "Endpoints:Console=https://localhost:1", Certificate),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_was_bound_in_fact_is_judged_by_the_same_rules()
    {
        IReadOnlyList<Listener> configured = Listeners.Read(
            With("Endpoints:Public=http://localhost:1", "Endpoints:Console=http://localhost:2")
        );
        ListenerRules rules = RulesOf(false, With("Service:PublicUrl=https://mls.example.com", Proxies));
        rules.CheckBound(["http://localhost:1", "http://0.0.0.0:1", "http://127.0.0.1:2"], configured);
        foreach (string address in (string[])["http://0.0.0.0:2", "http://[::]:3", "nonsense"])
            Assert.Throws<ConfigurationException>(() => rules.CheckBound([address], configured));
        Assert.Throws<ConfigurationException>(() =>
            RulesOf(true, With(Proxies, Urls)).CheckBound(["http://0.0.0.0:1"], configured)
        );
    }

    [Theory]
    [InlineData("http://mls.example.com")]
    [InlineData("mls.example.com")]
    [InlineData("https://mls.example.com/path")]
    [InlineData("https://mls.example.com/?x")]
    [InlineData("https://user@mls.example.com")]
    public void A_public_address_is_an_origin_with_https(string url)
    {
        foreach (string key in (string[])["Service:PublicUrl", "Console:PublicUrl"])
            Assert.StartsWith(
                $"{key} must be an https address ",
                Refusal(false, $"{key}={url}"),
                StringComparison.Ordinal
            );
    }

    [Theory]
    [InlineData("Proxies:Trusted=everybody", "Proxies:Trusted has 'everybody', ")]
    [InlineData("Proxies:Trusted=10.0.0.1,10.0.0.0/33", "Proxies:Trusted has '10.0.0.0/33', ")]
    [InlineData("FORWARDEDHEADERS_ENABLED=True", "ASPNETCORE_FORWARDEDHEADERS_ENABLED would believe ")]
    public void Proxies_are_named(string setting, string problem) =>
        Assert.StartsWith(
            problem,
            Assert.Throws<ConfigurationException>(() => TrustedProxies.Read(With(setting))).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Hosts_are_those_of_the_public_addresses_of_loopback_and_of_the_setting()
    {
        IConfiguration configuration = With(
            "Service:PublicUrl=https://mls.example.com:8443",
            "Console:PublicUrl=https://bücher.example",
            "Endpoints:AllowedHosts=*.internal; 192.0.2.1"
        );
        string[] named = ["mls.example.com", "xn--bcher-kva.example"],
            extra = ["*.internal", "192.0.2.1"];
        Assert.Equal([.. named, .. extra], Hosts("https://*:443"));
        Assert.Equal(
            [.. named, "localhost", "*.localhost", "127.0.0.1", "[::1]", .. extra],
            Hosts("https://*:443;http://127.0.0.1:80")
        );
        Assert.Throws<ConfigurationException>(() =>
            AllowedHosts.Of(With("Endpoints:AllowedHosts=a.example;*"), SettingsOf(false, configuration), [])
        );

        IReadOnlyList<string> Hosts(string urls) =>
            AllowedHosts.Of(configuration, SettingsOf(false, configuration), Listeners.Read(With($"URLS={urls}")));
    }

    private static void Check(bool development, params string[] settings)
    {
        IConfiguration configuration = With(settings);
        RulesOf(development, configuration).Check(Listeners.Read(configuration));
    }

    private static string Refusal(bool development, params string[] settings) =>
        Assert.Throws<ConfigurationException>(() => Check(development, settings)).Message;

    private static ListenerRules RulesOf(bool development, IConfiguration configuration) =>
        new(
            development,
            CertificateFile.IsSet(configuration, ListenerCertificate.Section),
            TrustedProxies.Read(configuration).Count > 0,
            SettingsOf(development, configuration)
        );

    private static HostSettings SettingsOf(bool development, IConfiguration configuration) =>
        HostSettings.Read(
            configuration,
            new HostingEnvironment { EnvironmentName = development ? "Development" : "Production" }
        );

    private static IConfiguration With(params string[] settings) =>
        new ConfigurationBuilder()
            .AddInMemoryCollection([
                new("Service:Did", "did:web:mls.example.com"),
                .. settings
                    .SelectMany(static text => text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    .Select(static text => text.Split('=', 2))
                    .Select(static pair => new KeyValuePair<string, string?>(pair[0], pair[1])),
            ])
            .Build();
}
