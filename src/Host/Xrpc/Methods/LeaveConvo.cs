using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class LeaveConvo
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<LeaveConvoInput, LeaveConvoOutput>(
            Lexicons.LeaveConvo,
            BodyLimit.KeyPackages,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var proposals = input
                    .Proposals.Select(
                        (proposal, i) => (ReadOnlyMemory<byte>)WireValues.Bytes($"proposals[{i}]", proposal)
                    )
                    .ToList();
                var result = await call.Feature<Leaving>()
                    .LeaveConvoAsync(
                        call.Caller,
                        new(input.ConvoId, proposals, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { LeftAt = result.LeftAt, Seq = result.Seq };
            }
        );
}
