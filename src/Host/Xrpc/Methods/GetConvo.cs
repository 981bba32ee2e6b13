using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class GetConvo
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetConvoParameters, GetConvoOutput>(
            Lexicons.GetConvo,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                var convo = await call.Feature<Conversations>()
                    .GetConvo(call.Caller, parameters.ConvoId, call.Cancellation);
                call.Epoch = convo.Epoch;
                return new() { Convo = WireValues.Convo(convo) };
            }
        );
}
