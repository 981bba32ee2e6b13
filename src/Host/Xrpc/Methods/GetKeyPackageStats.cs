using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class GetKeyPackageStats
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetKeyPackageStatsParameters, GetKeyPackageStatsOutput>(
            Lexicons.GetKeyPackageStats,
            async (call, parameters) =>
            {
                var stats = await call.Feature<KeyPackages>()
                    .GetKeyPackageStats(call.Caller, parameters.DeviceId, call.Cancellation);
                return new()
                {
                    Available = stats.Available,
                    LastResort = stats.LastResort,
                    OldestExpiry = stats.OldestExpiry,
                };
            }
        );
}
