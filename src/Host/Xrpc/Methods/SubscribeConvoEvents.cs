using System.Net.WebSockets;
using MlsConsole.Core;
using MlsConsole.Core.Events;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Live;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal sealed class SubscribeConvoEvents() : XrpcSubscription(Lexicons.SubscribeConvoEvents.Nsid)
{
    public static XrpcMethod Method { get; } = new SubscribeConvoEvents();

    protected override async Task RunAsync(
        HttpContext context,
        WebSocket socket,
        Action opened,
        CancellationToken cancellation
    )
    {
        IServiceProvider services = context.RequestServices;
        var parameters = Lexicons.SubscribeConvoEvents.ReadParameters(QueryParameters.Of(context.Request));
        long? cursor = parameters.Cursor is { } text ? WireValues.Number("cursor", text) : null;
        RateLimits limits = services.GetRequiredService<RateLimits>();
        var address = context.Connection.RemoteIpAddress;
        limits.Of(address)?.Check("address", services.GetRequiredService<TimeProvider>().GetUtcNow());
        EventReader reader = services.GetRequiredService<EventReader>();
        var range = await reader.RangeAsync(cancellation);
        if (
            await services.GetRequiredService<SubscriptionTickets>().TryUseAsync(parameters.Ticket, cancellation)
            is not { } did
        )
        {
            await limits.TakeAsync(address);
            throw new AuthenticationException("ticket-unknown", "The ticket is unknown, used or too old.");
        }
        var stream = services.GetRequiredService<EventStream>();
        if (!stream.TryEnter(did, services.GetRequiredService<RateLimitSettings>().SubscriptionsOfAccount))
            throw XrpcException.TooManySubscriptions("account");
        try
        {
            Subscriber subscriber = new(
                socket,
                did,
                stream,
                reader,
                range,
                services.GetRequiredService<CoreSettings>().EventMaxLag
            );
            await subscriber.RunAsync(cursor, opened, cancellation);
        }
        finally
        {
            stream.Leave(did);
        }
    }
}
