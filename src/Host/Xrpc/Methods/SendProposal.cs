using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class SendProposal
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<Lexicon.SendProposalInput, SendProposalOutput>(
            Lexicons.SendProposal,
            BodyLimit.Proposal,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<Proposals>()
                    .SendProposal(
                        call.Caller,
                        new(input.ConvoId, WireValues.Bytes("proposal", input.Proposal), input.IdempotencyKey),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Seq = result.Seq };
            }
        );
}
