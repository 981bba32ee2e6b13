using MlsConsole.Core.Devices;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Messages;

namespace MlsConsole.Core.ServiceInfo;

/// <summary>What clients have to stay within.</summary>
/// <param name="MaxLeaves">Most leaves of a conversation.</param>
/// <param name="MaxMessageBytes">Largest application message.</param>
/// <param name="MessageEpochs">Epochs before the current one of which messages are taken.</param>
/// <param name="MaxDevices">Most devices of an account.</param>
/// <param name="MaxKeyPackages">Most key packages of a device.</param>
/// <param name="ClaimsPerDay">Key packages of one device that one account gets in 24 hours, before it gets the last resort only.</param>
public sealed record ServiceLimits(
    int MaxLeaves,
    int MaxMessageBytes,
    int MessageEpochs,
    int MaxDevices,
    int MaxKeyPackages,
    int ClaimsPerDay
)
{
    /// <summary>The limits as they are enforced under these settings.</summary>
    public static ServiceLimits Of(CoreSettings settings) =>
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
