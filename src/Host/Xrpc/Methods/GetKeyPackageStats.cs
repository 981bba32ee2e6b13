using MlsConsole.Core.KeyPackages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetKeyPackageStats
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetKeyPackageStatsParameters, GetKeyPackageStatsOutput>(
            Lexicons.GetKeyPackageStats,
            async (call, parameters) =>
            {
                var stats = await call.Feature<KeyPackageStore>()
                    .GetKeyPackageStatsAsync(call.Caller, parameters.DeviceId, call.Cancellation);
                return new()
                {
                    Available = stats.Available,
                    LastResort = stats.LastResort,
                    OldestExpiry = stats.OldestExpiry,
                };
            }
        );
}
