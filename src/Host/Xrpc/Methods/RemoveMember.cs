using MlsConsole.Core;
using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class RemoveMember
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<RemoveMemberInput, RemoveMemberOutput>(
            Lexicons.RemoveMember,
            BodyLimit.Commit,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<MemberCommits>()
                    .RemoveMemberAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            WireValues.Bytes("commit", input.Commit),
                            WireValues.Bytes("groupInfo", input.GroupInfo),
                            WireValues.OptionalBytes("ratchetTree", input.RatchetTree),
                            null,
                            input.IdempotencyKey
                        ),
                        Did.Parse(input.TargetDid),
                        input.Reason,
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Epoch = (long)result.Epoch, Seq = result.Seq };
            }
        );
}
