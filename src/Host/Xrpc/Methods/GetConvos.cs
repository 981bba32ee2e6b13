using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetConvos
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetConvosParameters, GetConvosOutput>(
            Lexicons.GetConvos,
            async (call, parameters) =>
            {
                var result = await call.Feature<ConversationReader>()
                    .GetConvosAsync(call.Caller, new(parameters.Cursor, (int)parameters.Limit), call.Cancellation);
                return new() { Convos = [.. result.Convos.Select(WireValues.Convo)], Cursor = result.Cursor };
            }
        );
}
