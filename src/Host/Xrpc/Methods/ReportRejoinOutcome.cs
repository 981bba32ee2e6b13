using MlsConsole.Core.Activity;
using MlsConsole.Core.Rejoins;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ReportRejoinOutcome
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<ReportRejoinOutcomeInput, ReportRejoinOutcomeOutput>(
            Lexicons.ReportRejoinOutcome,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                // The lexicon allows these two ways and no other.
                RejoinWay way = input.Way == "legacy" ? RejoinWay.Legacy : RejoinWay.ExternalCommit;
                RejoinOutcome outcome = new(
                    way,
                    input.Outcome == "succeeded",
                    (int)input.Attempts,
                    TimeSpan.FromMilliseconds(input.ElapsedMs),
                    input.LastError
                );
                call.Rejoin = await call.Feature<RejoinOutcomes>()
                    .ReportAsync(
                        call.Caller,
                        input.ConvoId,
                        input.DeviceId,
                        outcome,
                        input.IdempotencyKey,
                        call.Cancellation
                    );
                return new();
            }
        );
}
