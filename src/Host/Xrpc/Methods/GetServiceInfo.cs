using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class GetServiceInfo
{
    public static XrpcMethod Method { get; } = new QueryMethod<GetServiceInfoParameters, GetServiceInfoOutput>(Lexicons.GetServiceInfo, (call, _) =>
    {
        var limits = Core.ServiceLimits.Of(call.Feature<CoreSettings>());
        return Task.FromResult(new GetServiceInfoOutput
        {
            Did = call.Feature<HostSettings>().ServiceDid, CipherSuites = [.. Core.ServiceLimits.CipherSuites.Select(suite => (long)suite)], ExternalSenders = [],
            Limits = new()
            {
                MaxLeaves = limits.MaxLeaves, MaxMessageBytes = limits.MaxMessageBytes, MessageEpochs = limits.MessageEpochs,
                MaxDevices = limits.MaxDevices, MaxKeyPackages = limits.MaxKeyPackages, ClaimsPerDay = limits.ClaimsPerDay,
            },
        });
    });
}
