using MlsConsole.Core.GroupInfos;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetGroupInfo
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetGroupInfoParameters, GetGroupInfoOutput>(
            Lexicons.GetGroupInfo,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                if (parameters is { Turn: true, DeviceId: null })
                    throw XrpcException.InvalidRequest("turn needs deviceId.");
                var result = await call.Feature<GroupInfoProvider>()
                    .GetGroupInfoAsync(
                        call.Caller,
                        new(
                            parameters.ConvoId,
                            parameters.IncludeTree,
                            parameters.Turn is true ? parameters.DeviceId : null
                        ),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new()
                {
                    GroupInfo = Convert.ToBase64String(result.GroupInfo),
                    RatchetTree = result.RatchetTree is null ? null : Convert.ToBase64String(result.RatchetTree),
                    Epoch = (long)result.Epoch,
                    ExpiresAt = result.ExpiresAt,
                    SelfRemoves =
                        result.SelfRemoves.Count == 0 ? null : [.. result.SelfRemoves.Select(Convert.ToBase64String)],
                    Turn = result.Turn is { } turn ? new() { Id = turn.Id, ExpiresAt = turn.ExpiresAt } : null,
                };
            }
        );
}
