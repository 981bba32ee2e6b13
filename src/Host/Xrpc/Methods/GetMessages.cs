using MlsConsole.Core.Messages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetMessages
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetMessagesParameters, GetMessagesOutput>(
            Lexicons.GetMessages,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                long since = parameters.SinceSeq is { } seq ? WireValues.Number("sinceSeq", seq) : 0;
                var result = await call.Feature<MessageDelivery>()
                    .GetMessagesAsync(
                        call.Caller,
                        new(parameters.ConvoId, since, (int)parameters.Limit),
                        call.Cancellation
                    );
                return new()
                {
                    Messages =
                    [
                        .. result.Messages.Select(message => new MessageView
                        {
                            Seq = message.Seq,
                            Epoch = (long)message.Epoch,
                            Kind = message.Kind,
                            Message = Convert.ToBase64String(message.Message),
                            CreatedAt = message.CreatedAt,
                        }),
                    ],
                    LastSeq = result.LastSeq,
                };
            }
        );
}
