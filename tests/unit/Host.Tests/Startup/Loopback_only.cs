using Microsoft.Extensions.Configuration;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Tests;

public sealed class Loopback_only
{
    [Theory]
    [InlineData("http://localhost:5000")]
    [InlineData("http://LOCALHOST:5000")]
    [InlineData("http://127.0.0.1:0")]
    [InlineData("http://127.8.9.1:80")]
    [InlineData("https://[::1]:5001")]
    public void Loopback_addresses_are_accepted(string url)
    {
        Assert.True(LoopbackOnly.IsLoopback(url));
        LoopbackOnly.Check(With("URLS", url));
    }

    [Theory]
    [InlineData("http://0.0.0.0:5000")]
    [InlineData("http://[::]:5000")]
    [InlineData("http://*:5000")]
    [InlineData("http://+:5000")]
    [InlineData("http://192.168.1.4:5000")]
    [InlineData("http://example.com:5000")]
    [InlineData("http://localhost.example.com:5000")]
    [InlineData("http://127.0.0.1.example.com:5000")]
    [InlineData("nonsense")]
    public void Any_other_address_is_refused_and_named(string url)
    {
        Assert.False(LoopbackOnly.IsLoopback(url));
        ConfigurationException refusal = Assert.Throws<ConfigurationException>(() =>
            LoopbackOnly.Check(With("URLS", url))
        );
        Assert.Contains(url, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("sign-in", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => LoopbackOnly.CheckBound(["http://localhost:1", url]));
        Assert.Throws<ConfigurationException>(() => LoopbackOnly.Check(With("URLS", "http://localhost:5000;" + url)));
        Assert.Throws<ConfigurationException>(() => LoopbackOnly.Check(With("Kestrel:Endpoints:Public:Url", url)));
    }

    [Theory]
    [InlineData("HTTP_PORTS")]
    [InlineData("HTTPS_PORTS")]
    public void A_port_alone_is_every_interface_and_refused(string key) =>
        Assert.Throws<ConfigurationException>(() => LoopbackOnly.Check(With(key, "8080")));

    [Fact]
    public void No_address_at_all_is_the_default_which_is_loopback() => LoopbackOnly.Check(With("X", "y"));

    private static IConfiguration With(string key, string value) =>
        new ConfigurationBuilder().AddInMemoryCollection([new(key, value)]).Build();
}
