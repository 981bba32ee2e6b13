using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetConvo
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetConvoParameters, GetConvoOutput>(
            Lexicons.GetConvo,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                var convo = await call.Feature<ConversationReader>()
                    .GetConvoAsync(call.Caller, parameters.ConvoId, call.Cancellation);
                call.Epoch = convo.Epoch;
                return new() { Convo = WireValues.Convo(convo) };
            }
        );
}
