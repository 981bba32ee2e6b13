using MlsConsole.Core;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.ServiceInfo;
using MlsConsole.Host.Startup;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetServiceInfo
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetServiceInfoParameters, GetServiceInfoOutput>(
            Lexicons.GetServiceInfo,
            async (call, _) =>
            {
                string did = call.Feature<HostSettings>().ServiceDid;
                var limits = EnforcedLimits.Of(call.Feature<CoreSettings>());
                var senders = await call.Feature<SignatureKeys>().ExternalSendersAsync(did, call.Cancellation);
                return new GetServiceInfoOutput
                {
                    Did = did,
                    CipherSuites = [.. EnforcedLimits.CipherSuites.Select(suite => (long)suite)],
                    ExternalSenders =
                    [
                        .. senders.Select(sender => new ExternalSender
                        {
                            SignatureScheme = sender.SignatureScheme,
                            SignatureKey = Convert.ToBase64String(sender.SignatureKey),
                            Credential = Convert.ToBase64String(sender.Credential),
                        }),
                    ],
                    Limits = new()
                    {
                        MaxLeaves = limits.MaxLeaves,
                        MaxMessageBytes = limits.MaxMessageBytes,
                        MessageEpochs = limits.MessageEpochs,
                        MaxDevices = limits.MaxDevices,
                        MaxKeyPackages = limits.MaxKeyPackages,
                        ClaimsPerDay = limits.ClaimsPerDay,
                    },
                };
            }
        );
}
