using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;
using MlsConsole.Host.Xrpc.Methods;

namespace MlsConsole.Host.Identity;

/// <summary>How many requests there may be in a window.</summary>
internal sealed record RateLimitSettings
{
    private const string Section = "RateLimits";

    public bool Enabled { get; init; } = true;

    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The limit of an account for each query.</summary>
    public int Queries { get; init; } = 600;

    /// <summary>The limit of an account for each procedure.</summary>
    public int Procedures { get; init; } = 300;

    /// <summary>The limit of an address for requests without a valid token.</summary>
    public int Unauthenticated { get; init; } = 300;

    /// <summary>
    /// The greatest number of open subscriptions of an account on one host: by default as many as it may have devices.
    /// </summary>
    public int SubscriptionsOfAccount { get; init; } = 50;

    /// <summary>The greatest number of open subscriptions of an address on one host.</summary>
    public int SubscriptionsOfAddress { get; init; } = 500;

    /// <summary>Methods with a limit of their own, by the last segment of their NSID.</summary>
    public IReadOnlyDictionary<string, int> Methods { get; init; } = new Dictionary<string, int>();

    public int Of(XrpcMethod method) =>
        Methods.TryGetValue(method.Label, out int own) ? own
        : method is XrpcQuery ? Queries
        : Procedures;

    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static RateLimitSettings Read(IConfiguration configuration)
    {
        RateLimitSettings otherwise = new();
        Dictionary<string, int> methods = new(StringComparer.Ordinal);
        foreach (IConfigurationSection given in configuration.GetSection($"{Section}:Methods").GetChildren())
        {
            // The keys of settings are not case-sensitive.
            XrpcMethod method =
                XrpcMethodIndex.All.FirstOrDefault(method =>
                    method.Label.Equals(given.Key, StringComparison.OrdinalIgnoreCase)
                ) ?? throw new ConfigurationException(given.Path, "names no method.");
            methods[method.Label] = Settings.Count(configuration, given.Path, otherwise.Of(method));
        }
        TimeSpan window = Settings.Duration(configuration, $"{Section}:Window", otherwise.Window);
        if (window.Ticks % TimeSpan.TicksPerSecond != 0 || window > TimeSpan.FromHours(1))
            throw new ConfigurationException($"{Section}:Window", "must be whole seconds, at most an hour.");
        return new()
        {
            Enabled = Settings.Switch(configuration, $"{Section}:Enabled", otherwise.Enabled),
            Window = window,
            Queries = Settings.Count(configuration, $"{Section}:Queries", otherwise.Queries),
            Procedures = Settings.Count(configuration, $"{Section}:Procedures", otherwise.Procedures),
            Unauthenticated = Settings.Count(configuration, $"{Section}:Unauthenticated", otherwise.Unauthenticated),
            SubscriptionsOfAccount = Settings.Count(
                configuration,
                $"{Section}:SubscriptionsOfAccount",
                otherwise.SubscriptionsOfAccount
            ),
            SubscriptionsOfAddress = Settings.Count(
                configuration,
                $"{Section}:SubscriptionsOfAddress",
                otherwise.SubscriptionsOfAddress
            ),
            Methods = methods,
        };
    }
}
