using MlsConsole.Core;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ClaimKeyPackages
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<ClaimKeyPackagesInput, ClaimKeyPackagesOutput>(
            Lexicons.ClaimKeyPackages,
            BodyLimit.Small * 4,
            async (call, input) =>
            {
                var result = await call.Feature<KeyPackageStore>()
                    .ClaimKeyPackagesAsync(
                        call.Caller,
                        new(
                            [.. input.Dids.Select(Did.Parse)],
                            (int)Math.Min(input.CipherSuite, int.MaxValue),
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                return new()
                {
                    KeyPackages =
                    [
                        .. result.KeyPackages.Select(claimed => new ClaimedKeyPackage
                        {
                            Did = claimed.Did,
                            DeviceId = claimed.DeviceId,
                            KeyPackage = Convert.ToBase64String(claimed.KeyPackage),
                        }),
                    ],
                    Missing = result.Missing,
                };
            }
        );
}
