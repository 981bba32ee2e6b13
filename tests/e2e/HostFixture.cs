namespace MlsConsole.E2e;

/// <summary>
/// One host for all tests of a class, without limits that only get in the way of many commits at once.
/// </summary>
public sealed class HostFixture : IAsyncLifetime
{
    /// <summary>Settings for runs that rejoin far more often than a person would.</summary>
    public static IReadOnlyDictionary<string, string> NoLimits { get; } =
        new Dictionary<string, string>
        {
            ["Rejoin__LimitPerHour"] = "1000000",
            ["Rejoin__RefusedLimitPerHour"] = "1000000",
            ["RateLimits__Enabled"] = "false",
            ["Logging__LogLevel__Default"] = "Warning",
        };

    public HostProcess Host { get; private set; } = null!;

    public async Task InitializeAsync() => Host = await HostProcess.Start(NoLimits);

    public async Task DisposeAsync() => await Host.DisposeAsync();
}
