using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class Commit
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<CommitInput, CommitOutput>(
            Lexicons.Commit,
            BodyLimit.Commit,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<MemberCommits>()
                    .CommitAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            WireValues.Bytes("commit", input.Commit),
                            WireValues.Bytes("groupInfo", input.GroupInfo),
                            WireValues.OptionalBytes("ratchetTree", input.RatchetTree),
                            WireValues.OptionalBytes("welcome", input.Welcome),
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Epoch = (long)result.Epoch, Seq = result.Seq };
            }
        );
}
