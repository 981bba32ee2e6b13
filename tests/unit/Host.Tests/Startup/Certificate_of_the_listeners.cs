using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using MlsConsole.Host.Startup;
using MlsConsole.TestKit;

namespace MlsConsole.Host.Tests;

/// <summary>The certificate changes with its files, and never for the worse.</summary>
public sealed class Certificate_of_the_listeners : IDisposable
{
    private readonly TestCertificates _certificates = new();
    private readonly ManualClock _clock = new();
    private readonly ListLogger<ListenerCertificate> _log = new();

    [Fact]
    public void New_files_are_found_within_ten_seconds_and_not_looked_for_in_between()
    {
        var (path, keyPath, first) = _certificates.WritePem("server", "mls.example.com");
        ListenerCertificate certificate = new(FileOf(path, keyPath, null), _clock, _log);
        Assert.Equal(first, Thumbprint(certificate));
        (_, _, string second) = _certificates.WritePem("server", "mls.example.com");
        _clock.Advance(ListenerCertificate.Pause - TimeSpan.FromSeconds(1));
        Assert.Equal(first, Thumbprint(certificate));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(second, Thumbprint(certificate));
        Assert.Equal(LogLevel.Information, Assert.Single(_log.Lines).Level);
        _clock.Advance(ListenerCertificate.Pause);
        Assert.Equal(second, Thumbprint(certificate));
        Assert.Single(_log.Lines);
    }

    [Fact]
    public void Broken_files_leave_the_former_certificate_and_are_named_once_for_each_change()
    {
        var (path, keyPath, first) = _certificates.WritePem("server", "mls.example.com");
        ListenerCertificate certificate = new(FileOf(path, keyPath, null), _clock, _log);
        string good = File.ReadAllText(path);
        int errors = 0;
        foreach (
            Action spoil in (Action[])
                [
                    () => File.WriteAllText(path, good[..200]),
                    () => File.WriteAllText(path, "nonsense"),
                    () => File.Delete(path),
                    // The certificate of another key: the key is written a moment later.
                    () => File.Copy(_certificates.WritePem("other", "mls.example.com").Path, path),
                ]
        )
        {
            spoil();
            errors++;
            for (int i = 0; i < 3; i++)
            {
                _clock.Advance(ListenerCertificate.Pause);
                Assert.Equal(first, Thumbprint(certificate));
                Assert.Equal(errors, _log.Lines.Count);
            }
            var line = _log.Lines[^1];
            Assert.Equal(LogLevel.Error, line.Level);
            Assert.Contains("Endpoints:Certificate:Path names no certificate", line.Text, StringComparison.Ordinal);
        }
        File.Copy(Path.Combine(_certificates.Folder, "other.key"), keyPath, overwrite: true);
        _clock.Advance(ListenerCertificate.Pause);
        Assert.NotEqual(first, Thumbprint(certificate));
    }

    [Fact]
    public void A_link_that_points_elsewhere_is_a_change()
    {
        var (oldPath, oldKey, first) = _certificates.WritePem("old", "mls.example.com");
        var (newPath, newKey, second) = _certificates.WritePem("new", "mls.example.com");
        // As Kubernetes mounts secrets: the files are links through a folder that is itself a link.
        string folder = Path.Combine(_certificates.Folder, "..data");
        Directory.CreateDirectory(Path.Combine(_certificates.Folder, "1"));
        Directory.CreateDirectory(Path.Combine(_certificates.Folder, "2"));
        foreach (
            var (from, to) in ((string, string)[])
                [(oldPath, "1/tls.crt"), (oldKey, "1/tls.key"), (newPath, "2/tls.crt"), (newKey, "2/tls.key")]
        )
            File.Move(from, Path.Combine(_certificates.Folder, to));
        Directory.CreateSymbolicLink(folder, "1");
        string path = Path.Combine(_certificates.Folder, "tls.crt"),
            keyPath = Path.Combine(_certificates.Folder, "tls.key");
        File.CreateSymbolicLink(path, "..data/tls.crt");
        File.CreateSymbolicLink(keyPath, "..data/tls.key");
        ListenerCertificate certificate = new(FileOf(path, keyPath, null), _clock, _log);
        Assert.Equal(first, Thumbprint(certificate));
        Directory.Delete(folder);
        Directory.CreateSymbolicLink(folder, "2");
        _clock.Advance(ListenerCertificate.Pause);
        Assert.Equal(second, Thumbprint(certificate));
    }

    [Fact]
    public void A_pfx_is_as_good_and_what_cannot_be_used_at_start_is_named()
    {
        var (path, thumbprint) = _certificates.WritePfx("server", "secret", "mls.example.com");
        Assert.Equal(thumbprint, Thumbprint(new(FileOf(path, null, "secret"), _clock, _log)));
        var (pem, _, _) = _certificates.WritePem("pem", "mls.example.com");
        foreach (
            CertificateFile file in (CertificateFile[])
                [
                    FileOf(path, null, "wrong"),
                    FileOf(path, null, null),
                    FileOf("/nowhere/server.pfx", null, null),
                    FileOf(pem, "/nowhere/server.key", null),
                    FileOf(pem, null, null),
                ]
        )
            Assert.StartsWith(
                "Endpoints:Certificate:Path names no certificate with a private key that can be used: ",
                Assert.Throws<ConfigurationException>(() => file.Load()).Message,
                StringComparison.Ordinal
            );
    }

    public void Dispose() => _certificates.Dispose();

    private static string Thumbprint(ListenerCertificate certificate) =>
        certificate.Current().TargetCertificate.Thumbprint;

    private static CertificateFile FileOf(string path, string? keyPath, string? password) =>
        CertificateFile.Read(
            new ConfigurationBuilder()
                .AddInMemoryCollection([
                    new("Endpoints:Certificate:Path", path),
                    new("Endpoints:Certificate:KeyPath", keyPath),
                    new("Endpoints:Certificate:Password", password),
                ])
                .Build(),
            ListenerCertificate.Section
        )!;
}
