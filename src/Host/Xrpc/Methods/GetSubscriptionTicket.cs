using MlsConsole.Core.Events;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Startup;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetSubscriptionTicket
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<GetSubscriptionTicketInput, GetSubscriptionTicketOutput>(
            Lexicons.GetSubscriptionTicket,
            BodyLimit.Small,
            async (call, input) =>
            {
                var result = await call.Feature<SubscriptionTickets>()
                    .IssueAsync(call.Caller, input.IdempotencyKey, call.Cancellation);
                string endpoint = ServiceDocument.EndpointOf(call.Feature<HostSettings>(), call.Request);
                // The scheme http becomes ws, and https becomes wss.
                return new()
                {
                    Ticket = result.Ticket,
                    Endpoint = $"ws{endpoint[4..]}/xrpc/{Lexicons.SubscribeConvoEvents.Nsid}",
                    ExpiresAt = result.ExpiresAt,
                };
            }
        );
}
