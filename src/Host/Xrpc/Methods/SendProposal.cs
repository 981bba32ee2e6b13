using MlsConsole.Core.Proposals;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class SendProposal
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<SendProposalInput, SendProposalOutput>(
            Lexicons.SendProposal,
            BodyLimit.Proposal,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<ProposalReceiver>()
                    .SendProposalAsync(
                        call.Caller,
                        new(input.ConvoId, WireValues.Bytes("proposal", input.Proposal), input.IdempotencyKey),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Seq = result.Seq };
            }
        );
}
