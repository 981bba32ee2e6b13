using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MlsConsole.Host.Startup;

/// <summary>How much of the host its connections may take, on all listeners together.</summary>
internal sealed record ConnectionLimits
{
    private const string Section = "Limits";

    /// <summary>Open connections but WebSockets. A connection over the limit is closed at once.</summary>
    public int Connections { get; init; } = 10_000;

    /// <summary>Open WebSockets, those of the console's pages among them.</summary>
    public int WebSockets { get; init; } = 10_000;

    /// <summary>The time within which a request's headers must have come.</summary>
    public TimeSpan HeadersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Bytes in a second that a body must come with, and that a client must take of an answer.</summary>
    public int MinimumBodyRate { get; init; } = 240;

    /// <summary>How long a body may be slower than <see cref="MinimumBodyRate"/> at first.</summary>
    public TimeSpan BodyGracePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection without a request stays open.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(130);

    /// <exception cref="ConfigurationException">A setting cannot be used; the message names it.</exception>
    public static ConnectionLimits Read(IConfiguration configuration)
    {
        ConnectionLimits otherwise = new();
        TimeSpan grace = Duration("BodyGracePeriod", otherwise.BodyGracePeriod);
        // Kestrel looks at the rates once in a second.
        if (grace <= TimeSpan.FromSeconds(1))
            throw new ConfigurationException($"{Section}:BodyGracePeriod", "must be longer than a second.");
        return new()
        {
            Connections = Count("Connections", otherwise.Connections),
            WebSockets = Count("WebSockets", otherwise.WebSockets),
            HeadersTimeout = Duration("HeadersTimeout", otherwise.HeadersTimeout),
            MinimumBodyRate = Count("MinimumBodyRate", otherwise.MinimumBodyRate),
            BodyGracePeriod = grace,
            KeepAlive = Duration("KeepAlive", otherwise.KeepAlive),
        };

        int Count(string key, int value) => Settings.Count(configuration, $"{Section}:{key}", value);

        TimeSpan Duration(string key, TimeSpan value) => Settings.Duration(configuration, $"{Section}:{key}", value);
    }

    public void ApplyTo(KestrelServerLimits limits)
    {
        limits.MaxConcurrentConnections = Connections;
        limits.MaxConcurrentUpgradedConnections = WebSockets;
        limits.RequestHeadersTimeout = HeadersTimeout;
        limits.KeepAliveTimeout = KeepAlive;
        limits.MinRequestBodyDataRate = new(MinimumBodyRate, BodyGracePeriod);
        limits.MinResponseDataRate = new(MinimumBodyRate, BodyGracePeriod);
    }
}
