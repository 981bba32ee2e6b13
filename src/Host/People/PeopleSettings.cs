using MlsConsole.Core;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.People;

/// <summary>The settings of signing in to the console.</summary>
internal sealed record PeopleSettings
{
    /// <summary>Whether passwords and passkeys are on (Console:Passwords).</summary>
    public bool Passwords { get; init; } = true;

    /// <summary>How often an address may try to sign in within a minute (Console:SignInsPerMinute).</summary>
    public int SignInsPerMinute { get; init; } = 10;

    /// <summary>
    /// Whether the host is a demonstration (Demo:SignIn): only in Development, and only on a database that the
    /// demonstration has made.
    /// </summary>
    public bool IsDemo { get; init; }

    /// <summary>The OpenID Connect provider (Console:Oidc); null if there is none.</summary>
    public ProviderSettings? Provider { get; init; }

    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static PeopleSettings Read(IConfiguration configuration, IHostEnvironment environment)
    {
        PeopleSettings otherwise = new();
        bool isDemo = Settings.Switch(configuration, "Demo:SignIn", otherwise: false);
        if (isDemo && !environment.IsDevelopment())
            throw new ConfigurationException("Demo:SignIn", "may only be set in Development.");
        ProviderSettings? provider = ProviderSettings.Read(configuration, environment);
        bool passwords = Settings.Switch(configuration, "Console:Passwords", otherwise.Passwords);
        if (!passwords && provider is null)
            throw new ConfigurationException("Console:Passwords", "can be false only with a provider (Console:Oidc).");
        return new()
        {
            Passwords = passwords,
            SignInsPerMinute = Settings.Count(configuration, "Console:SignInsPerMinute", otherwise.SignInsPerMinute),
            IsDemo = isDemo,
            Provider = provider,
        };
    }
}

/// <summary>An organisation's OpenID Connect provider.</summary>
/// <param name="Name">What the button on the sign-in page says.</param>
/// <param name="Authority">The issuer's address.</param>
/// <param name="ClientId">This console at the provider.</param>
/// <param name="ClientSecret">The secret of this console at the provider.</param>
/// <param name="NameClaim">The claim that becomes the person's name.</param>
/// <param name="RoleClaim">The claim whose values say the role.</param>
/// <param name="Roles">The role of each value of that claim. Who has none of them may not sign in.</param>
/// <param name="RequiresHttps">Whether the provider is asked by https alone: outside of Development always.</param>
internal sealed record ProviderSettings(
    string Name,
    Uri Authority,
    string ClientId,
    string ClientSecret,
    string NameClaim,
    string RoleClaim,
    IReadOnlyDictionary<string, ConsoleRole> Roles,
    bool RequiresHttps
)
{
    private const string Section = "Console:Oidc";

    /// <returns>Null if no provider is configured.</returns>
    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static ProviderSettings? Read(IConfiguration configuration, IHostEnvironment environment)
    {
        IConfigurationSection section = configuration.GetSection(Section);
        if (section["Authority"] is not { Length: > 0 } authority)
            return null;
        Dictionary<string, ConsoleRole> roles = new(StringComparer.Ordinal);
        foreach (IConfigurationSection given in section.GetSection("Roles").GetChildren())
            roles[given["Value"] ?? given.Key] =
                Enum.TryParse(given["Role"] ?? given.Value, ignoreCase: true, out ConsoleRole role)
                && Enum.IsDefined(role)
                    ? role
                    : throw new ConfigurationException(given.Path, "must be Viewer, Operator, Approver or Admin.");
        if (roles.Count == 0)
            throw new ConfigurationException($"{Section}:Roles", "must give a role to a value of the role claim.");
        return new(
            section["Name"] is { Length: > 0 } name ? name : "your organisation",
            Uri.TryCreate(authority, UriKind.Absolute, out Uri? issuer)
            && (issuer.Scheme == Uri.UriSchemeHttps || environment.IsDevelopment())
                ? issuer
                : throw new ConfigurationException($"{Section}:Authority", "must be an https address."),
            section["ClientId"] is { Length: > 0 } id ? id : throw Missing("ClientId"),
            section["ClientSecret"] is { Length: > 0 } secret ? secret : throw Missing("ClientSecret"),
            section["NameClaim"] is { Length: > 0 } nameClaim ? nameClaim : "preferred_username",
            section["RoleClaim"] is { Length: > 0 } roleClaim ? roleClaim : "groups",
            roles,
            RequiresHttps: !environment.IsDevelopment()
        );
    }

    /// <summary>The highest role that the values of the role claim give; null if they give none.</summary>
    public ConsoleRole? RoleOf(IEnumerable<string> values) =>
        values.Where(Roles.ContainsKey).Select(value => (ConsoleRole?)Roles[value]).Max();

    private static ConfigurationException Missing(string key) => new($"{Section}:{key}", "must be set.");
}
