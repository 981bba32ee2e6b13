using MlsConsole.Core.Rejoins;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class Rejoin
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<RejoinInput, RejoinOutput>(
            Lexicons.Rejoin,
            BodyLimit.KeyPackages,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<RejoinRequests>()
                    .RejoinAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            WireValues.Bytes("keyPackage", input.KeyPackage),
                            input.Reason,
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                return new() { RequestId = result.RequestId, Pending = result.Pending };
            }
        );
}
