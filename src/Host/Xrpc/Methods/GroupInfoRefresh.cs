using MlsConsole.Core.GroupInfos;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GroupInfoRefresh
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<GroupInfoRefreshInput, GroupInfoRefreshOutput>(
            Lexicons.GroupInfoRefresh,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<GroupInfoPublisher>()
                    .RequestRefreshAsync(call.Caller, input.ConvoId, input.IdempotencyKey, call.Cancellation);
                return new() { Requested = result.Requested, ActiveMembers = result.ActiveMembers };
            }
        );
}
