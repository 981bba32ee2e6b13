using System.Net.Security;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The certificate of the listeners with https. When its files change, connections that come afterwards get the new
/// certificate: at a handshake the files are looked at, at most every ten seconds. Files that cannot be used leave the
/// former certificate in force.
/// </summary>
internal sealed partial class ListenerCertificate(
    CertificateFile file,
    TimeProvider clock,
    ILogger<ListenerCertificate> log
)
{
    public const string Section = "Endpoints:Certificate";

    /// <summary>The time after which the files are looked at again.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Lock _looking = new();
    private Loaded _current = Loaded.From(file);
    private string? _seen = file.Version();
    private long _lookedAt = clock.GetTimestamp();

    /// <summary>For Kestrel: asks for the certificate at each handshake.</summary>
    public TlsHandshakeCallbackOptions HandshakeOptions =>
        new()
        {
            OnConnection = _ =>
                ValueTask.FromResult(
                    new SslServerAuthenticationOptions
                    {
                        ServerCertificateContext = Current(),
                        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                    }
                ),
        };

    /// <summary>The certificate for a new connection, with the certificates of its issuers.</summary>
    public SslStreamCertificateContext Current()
    {
        // Whoever comes while another connection looks gets what is there.
        if (clock.GetElapsedTime(Volatile.Read(ref _lookedAt)) >= Pause && _looking.TryEnter())
        {
            try
            {
                Look();
            }
            finally
            {
                _looking.Exit();
            }
        }
        return Volatile.Read(ref _current).Context;
    }

    private void Look()
    {
        Volatile.Write(ref _lookedAt, clock.GetTimestamp());
        // The version is read before the files: a file that is written meanwhile has another version next time.
        string? version = file.Version();
        if (version == _seen)
            return;
        _seen = version;
        try
        {
            Loaded loaded = Loaded.From(file);
            Volatile.Write(ref _current, loaded);
            LogReplaced(file.Path, loaded.Context.TargetCertificate.NotAfter.ToUniversalTime());
        }
        catch (ConfigurationException exception)
        {
            LogBroken(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "New certificate from {Path}, good until {NotAfter:u}")]
    private partial void LogReplaced(string path, DateTime notAfter);

    [LoggerMessage(Level = LogLevel.Error, Message = "The former certificate stays in force: {Problem}")]
    private partial void LogBroken(string problem);

    private sealed record Loaded(SslStreamCertificateContext Context)
    {
        public static Loaded From(CertificateFile file)
        {
            var (certificate, issuers) = file.Load();
            // Offline: no issuer is fetched from the network while a client waits.
            return new(SslStreamCertificateContext.Create(certificate, issuers, offline: true));
        }
    }
}
