using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetExpectedConversations
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetExpectedConversationsParameters, GetExpectedConversationsOutput>(
            Lexicons.GetExpectedConversations,
            async (call, parameters) =>
            {
                var conversations = await call.Feature<ConversationReader>()
                    .GetExpectedConversationsAsync(call.Caller, parameters.DeviceId, call.Cancellation);
                return new()
                {
                    Conversations =
                    [
                        .. conversations.Select(expected => new ExpectedConversation
                        {
                            ConvoId = expected.ConvoId,
                            ShouldBeInGroup = expected.ShouldBeInGroup,
                            DeviceInGroup = expected.DeviceInGroup,
                            Epoch = (long)expected.Epoch,
                            LastActivity = expected.LastActivity,
                        }),
                    ],
                };
            }
        );
}
