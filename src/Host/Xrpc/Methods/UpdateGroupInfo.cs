using MlsConsole.Core.GroupInfos;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class UpdateGroupInfo
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<UpdateGroupInfoInput, UpdateGroupInfoOutput>(
            Lexicons.UpdateGroupInfo,
            BodyLimit.Message,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<GroupInfoPublisher>()
                    .UpdateGroupInfoAsync(
                        call.Caller,
                        new(input.ConvoId, WireValues.Bytes("groupInfo", input.GroupInfo), input.IdempotencyKey),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new() { Epoch = (long)result.Epoch, UpdatedAt = result.UpdatedAt };
            }
        );
}
