using MlsConsole.Core.Devices;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Messages;

namespace MlsConsole.Core.ServiceInfo;

/// <summary>The limits that clients have to keep.</summary>
/// <param name="MaxLeaves">How many leaves a conversation has at most.</param>
/// <param name="MaxMessageBytes">The largest application message, in bytes.</param>
/// <param name="MessageEpochs">How many epochs before the current one messages are accepted for.</param>
/// <param name="MaxDevices">How many devices an account has at most.</param>
/// <param name="MaxKeyPackages">How many unclaimed key packages a device has at most.</param>
/// <param name="ClaimsPerDay">
/// How many key packages of a device an account gets in 24 hours; after that it gets the last resort only.
/// </param>
public sealed record EnforcedLimits(
    int MaxLeaves,
    int MaxMessageBytes,
    int MessageEpochs,
    int MaxDevices,
    int MaxKeyPackages,
    int ClaimsPerDay
)
{
    /// <summary>The limits that the service enforces under these settings.</summary>
    public static EnforcedLimits Of(CoreSettings settings) =>
        new(
            settings.MaxLeaves,
            settings.MaxMessageBytes,
            (int)MessageDelivery.PastEpochs,
            DeviceRegistry.MaxDevices,
            KeyPackageStore.MaxOfDevice,
            KeyPackageStore.ClaimsPerDay
        );

    /// <summary>The cipher suites of conversations and key packages (RFC 9420 §17.1).</summary>
    public static IReadOnlyList<int> CipherSuites { get; } = [.. Mls.CipherSuite.All.Select(suite => (int)suite.Id)];
}
