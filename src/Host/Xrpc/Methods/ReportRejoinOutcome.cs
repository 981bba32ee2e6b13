using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class ReportRejoinOutcome
{
    public static XrpcMethod Method { get; } = new ProcedureMethod<ReportRejoinOutcomeInput, ReportRejoinOutcomeOutput>(Lexicons.ReportRejoinOutcome, BodyLimit.Small, async (call, input) =>
    {
        call.ConvoId = input.ConvoId;
        RejoinWay way = input.Way switch
        {
            "externalCommit" => RejoinWay.ExternalCommit,
            "legacy" => RejoinWay.Legacy,
            _ => throw XrpcException.InvalidRequest("way must be externalCommit or legacy."),
        };
        bool succeeded = input.Outcome switch
        {
            "succeeded" => true,
            "failed" => false,
            _ => throw XrpcException.InvalidRequest("outcome must be succeeded or failed."),
        };
        RejoinOutcome outcome = new(way, succeeded, (int)input.Attempts, TimeSpan.FromMilliseconds(input.ElapsedMs), input.LastError);
        call.Rejoin = await call.Feature<RejoinOutcomes>().Report(call.Caller, input.ConvoId, input.DeviceId, outcome, input.IdempotencyKey, call.Cancellation);
        return new();
    });
}
