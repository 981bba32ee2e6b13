using MlsConsole.Core.Messages;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class SendMessage
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<SendMessageInput, SendMessageOutput>(
            Lexicons.SendMessage,
            BodyLimit.Message,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<MessageDelivery>()
                    .SendMessageAsync(
                        call.Caller,
                        new(input.ConvoId, WireValues.Bytes("message", input.Message), input.IdempotencyKey),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new()
                {
                    Seq = result.Seq,
                    Epoch = (long)result.Epoch,
                    ReceivedAt = result.ReceivedAt,
                };
            }
        );
}
