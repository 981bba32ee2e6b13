using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlsConsole.Host.Startup;
using MlsConsole.TestKit;

namespace MlsConsole.Host.Tests;

/// <summary>The keys that encrypt secrets in the database, encrypted themselves by a certificate.</summary>
public sealed class Key_ring : IDisposable
{
    private const string Certificate = "--DataProtection:Certificate:";
    private readonly TestCertificates _certificates = new();

    private string Folder => Path.Combine(_certificates.Folder, "keys");

    [Fact]
    public void With_a_certificate_the_files_alone_are_no_use()
    {
        string first = _certificates.WriteRsaPfx("first", "one"),
            second = _certificates.WriteRsaPfx("second", "two");
        byte[] secret = Protector($"{Certificate}Path={first}", $"{Certificate}Password=one").Protect([1, 2, 3]);
        string key = File.ReadAllText(Assert.Single(Directory.GetFiles(Folder, "key-*.xml")));
        Assert.Contains("EncryptedData", key, StringComparison.Ordinal);
        Assert.DoesNotContain("<masterKey", key, StringComparison.Ordinal);
        Assert.Equal(
            [1, 2, 3],
            Protector($"{Certificate}Path={first}", $"{Certificate}Password=one").Unprotect(secret)
        );
        Assert.Throws<CryptographicException>(() => Protector().Unprotect(secret));
        string[] changed = [$"{Certificate}Path={second}", $"{Certificate}Password=two"];
        Assert.Throws<CryptographicException>(() => Protector(changed).Unprotect(secret));
        Assert.Equal(
            [1, 2, 3],
            Protector([.. changed, $"{Certificate}Previous:0:Path={first}", $"{Certificate}Previous:0:Password=one"])
                .Unprotect(secret)
        );
    }

    [Fact]
    public void Keys_from_before_the_certificate_are_still_read()
    {
        byte[] secret = Protector().Protect([1, 2, 3]);
        string path = _certificates.WriteRsaPfx("first", "one");
        Assert.Equal([1, 2, 3], Protector($"{Certificate}Path={path}", $"{Certificate}Password=one").Unprotect(secret));
    }

    [Fact]
    public void A_certificate_without_an_rsa_key_is_refused()
    {
        var (path, _) = _certificates.WritePfx("server", "secret", "mls.example.com");
        Assert.StartsWith(
            "DataProtection:Certificate:Path must name a certificate with an RSA key",
            Assert
                .Throws<ConfigurationException>(() =>
                    Protector($"{Certificate}Path={path}", $"{Certificate}Password=secret")
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    public void Dispose() => _certificates.Dispose();

    /// <summary>As a host that starts with these settings has it.</summary>
    private IDataProtector Protector(params string[] settings)
    {
        WebApplicationBuilder builder = HostBuilding.CreateBuilder([$"--DataProtection:KeyRing={Folder}", .. settings]);
        builder.Logging.ClearProviders();
        builder.AddKeyRing();
        return builder
            .Services.BuildServiceProvider()
            .GetRequiredService<IDataProtectionProvider>()
            .CreateProtector("x");
    }
}
