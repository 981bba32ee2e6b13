using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class CreateConvo
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<CreateConvoInput, CreateConvoOutput>(
            Lexicons.CreateConvo,
            BodyLimit.Message,
            async (call, input) =>
            {
                var convo = await call.Feature<ConversationCreator>()
                    .CreateConvoAsync(
                        call.Caller,
                        new(
                            WireValues.Bytes("groupInfo", input.GroupInfo),
                            WireValues.OptionalBytes("ratchetTree", input.RatchetTree),
                            input.Metadata,
                            input.IdempotencyKey,
                            input.RequireDeviceApproval ?? false
                        ),
                        call.Cancellation
                    );
                (call.ConvoId, call.Epoch) = (convo.ConvoId, convo.Epoch);
                return new() { Convo = WireValues.Convo(convo) };
            }
        );
}
