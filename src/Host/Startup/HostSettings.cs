namespace MlsConsole.Host.Startup;

/// <summary>The host's own settings. They are read and checked once, before anything is built from them.</summary>
internal sealed record HostSettings
{
    public const string PublicUrlSetting = "Service:PublicUrl",
        ConsoleUrlSetting = "Console:PublicUrl";

    private static readonly Uri s_defaultPlcDirectory = new("https://plc.directory");

    /// <summary>This service's DID, which a token's <c>aud</c> has to name.</summary>
    public required string ServiceDid { get; init; }

    /// <summary>
    /// Where clients reach the service: a scheme, a host and a port, without a path. Null leaves it to
    /// <see cref="ServiceDid"/> and to the request.
    /// </summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>Where people reach the console, like <see cref="PublicUrl"/>; null if it is not set.</summary>
    public Uri? ConsoleUrl { get; init; }

    /// <summary>Whether a caller's DID may be a <c>did:key</c>: only in Development.</summary>
    public required bool AllowDidKey { get; init; }

    /// <summary>The path of a file of DID documents: only in Development.</summary>
    public string? DirectoryFile { get; init; }

    /// <summary>The address of the directory that has the documents of <c>did:plc</c>.</summary>
    public Uri PlcDirectory { get; init; } = s_defaultPlcDirectory;

    /// <summary>
    /// Whether hosts of <c>did:web</c> may have private addresses, and localhost is asked by http: for tests and for
    /// closed networks.
    /// </summary>
    public bool AllowPrivateHosts { get; init; }

    /// <summary>
    /// How much longer an external commit takes to be judged, so that a demonstration can show a slow service: only in
    /// Development.
    /// </summary>
    public TimeSpan DemoDelay { get; init; }

    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static HostSettings Read(IConfiguration configuration, IHostEnvironment environment)
    {
        string? did = configuration["Service:Did"];
        if (string.IsNullOrEmpty(did))
            did = environment.IsDevelopment()
                ? "did:web:localhost"
                : throw new ConfigurationException(
                    "Service:Did",
                    "must be set to this service's DID outside of Development."
                );
        if (!did.StartsWith("did:", StringComparison.Ordinal))
            throw new ConfigurationException("Service:Did", "must be a DID, for example did:web:mls.example.com.");

        string? directoryFile = configuration["Identity:DirectoryFile"];
        if (string.IsNullOrEmpty(directoryFile))
            directoryFile = null;
        if (directoryFile is not null && !environment.IsDevelopment())
            throw new ConfigurationException("Identity:DirectoryFile", "may only be set in Development.");

        int slow = string.IsNullOrEmpty(configuration["Demo:SlowMilliseconds"])
            ? 0
            : Settings.Count(configuration, "Demo:SlowMilliseconds", otherwise: 0);
        if (slow > 0 && !environment.IsDevelopment())
            throw new ConfigurationException("Demo:SlowMilliseconds", "may only be set in Development.");

        return new HostSettings
        {
            ServiceDid = did,
            PublicUrl = Origin(configuration, PublicUrlSetting),
            ConsoleUrl = Origin(configuration, ConsoleUrlSetting),
            AllowDidKey = environment.IsDevelopment(),
            DirectoryFile = directoryFile,
            DemoDelay = TimeSpan.FromMilliseconds(slow),
            PlcDirectory = Directory(configuration["Identity:PlcDirectory"]),
            AllowPrivateHosts = Settings.Switch(configuration, "Identity:AllowPrivateHosts", otherwise: false),
        };
    }

    /// <exception cref="ConfigurationException">The setting is no address of a host as others reach it.</exception>
    private static Uri? Origin(IConfiguration configuration, string key)
    {
        if (configuration[key] is not { Length: > 0 } text)
            return null;
        return
            Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            && address is { PathAndQuery: "/", Fragment: "", UserInfo: "" }
            && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
            ? address
            : throw new ConfigurationException(
                key,
                "must be an https address without a path, for example https://mls.example.com; "
                    + "http is for this machine alone."
            );
    }

    private static Uri Directory(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return s_defaultPlcDirectory;
        return
            Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            && address.Query.Length == 0
            && address.Fragment.Length == 0
            && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
            ? address
            : throw new ConfigurationException(
                "Identity:PlcDirectory",
                "must be an https address, or one of http on this machine."
            );
    }
}
