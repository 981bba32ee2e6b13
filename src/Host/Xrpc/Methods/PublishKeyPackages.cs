using MlsConsole.Core.KeyPackages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class PublishKeyPackages
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<PublishKeyPackagesInput, PublishKeyPackagesOutput>(
            Lexicons.PublishKeyPackages,
            BodyLimit.KeyPackages,
            async (call, input) =>
            {
                var result = await call.Feature<KeyPackageStore>()
                    .PublishKeyPackagesAsync(
                        call.Caller,
                        new(
                            input.DeviceId,
                            WireValues.KeyPackages(input.KeyPackages),
                            input.IdempotencyKey,
                            input.Replace == true
                        ),
                        call.Cancellation
                    );
                return new()
                {
                    Accepted = result.Accepted,
                    Rejected =
                    [
                        .. result.Rejected.Select(rejected => new RejectedKeyPackage
                        {
                            Index = rejected.Index,
                            Error = rejected.Error,
                        }),
                    ],
                };
            }
        );
}
