using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

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
                    .Commit(
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
