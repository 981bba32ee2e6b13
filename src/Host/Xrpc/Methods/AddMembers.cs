using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class AddMembers
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<AddMembersInput, AddMembersOutput>(
            Lexicons.AddMembers,
            BodyLimit.Commit,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<MemberCommits>()
                    .AddMembersAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            WireValues.Bytes("commit", input.Commit),
                            WireValues.Bytes("groupInfo", input.GroupInfo),
                            WireValues.OptionalBytes("ratchetTree", input.RatchetTree),
                            WireValues.OptionalBytes("welcome", input.Welcome),
                            input.IdempotencyKey,
                            input.RejoinRequestIds
                        ),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Epoch = (long)result.Epoch, Seq = result.Seq };
            }
        );
}
