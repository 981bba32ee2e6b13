using MlsConsole.Core.Rejoins;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetRejoinRequests
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetRejoinRequestsParameters, GetRejoinRequestsOutput>(
            Lexicons.GetRejoinRequests,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                var requests = await call.Feature<RejoinRequests>()
                    .GetRejoinRequestsAsync(call.Caller, parameters.ConvoId, call.Cancellation);
                return new()
                {
                    Requests =
                    [
                        .. requests.Select(request => new RejoinRequestView
                        {
                            RequestId = request.RequestId,
                            Did = request.Did,
                            DeviceId = request.DeviceId,
                            KeyPackage = Convert.ToBase64String(request.KeyPackage),
                            Reason = request.Reason,
                            CreatedAt = request.CreatedAt,
                            ExpiresAt = request.ExpiresAt,
                        }),
                    ],
                };
            }
        );
}
