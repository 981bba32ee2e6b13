using MlsConsole.Core.Forks;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class AcknowledgeEpoch
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<AcknowledgeEpochInput, AcknowledgeEpochOutput>(
            Lexicons.AcknowledgeEpoch,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                call.Epoch = (ulong)input.Epoch;
                var result = await call.Feature<EpochAcknowledgements>()
                    .AcknowledgeEpochAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            input.DeviceId,
                            (ulong)input.Epoch,
                            WireValues.Bytes("authenticatorHash", input.AuthenticatorHash),
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                call.Reason = result.Agreed ? null : EpochAcknowledgements.SuspectedFork;
                return new() { Agreed = result.Agreed };
            }
        );
}
