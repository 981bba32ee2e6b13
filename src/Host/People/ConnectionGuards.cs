using Microsoft.AspNetCore.SignalR;

namespace MlsConsole.Host.People;

/// <summary>Guards the connections of hubs, those of live pages among them.</summary>
internal static class ConnectionGuards
{
    /// <summary>
    /// How long a connection stays when its session has ended, so that a live page can leave by itself first.
    /// </summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Refuses connections that a page of another site opens. A browser sends the cookie with them, and the rule that
    /// keeps scripts from reading the answers of other sites does not hold for WebSockets.
    /// </summary>
    public static void UseOriginCheck(this IApplicationBuilder app) =>
        app.Use(
            (context, next) =>
            {
                if (!IsConnection(context) || IsOwnOrigin(context.Request))
                    return next(context);
                context.Response.StatusCode = StatusCodes.Status403Forbidden;
                return Task.CompletedTask;
            }
        );

    /// <summary>Ends the connection of a hub soon after its session or token has ended.</summary>
    public static void UseConnectionEnd(this IApplicationBuilder app) =>
        app.Use(
            async (context, next) =>
            {
                if (!IsConnection(context))
                {
                    await next(context);
                    return;
                }
                using CancellationTokenSource over = new();
                OpenConnections connections = context.RequestServices.GetRequiredService<OpenConnections>();
                TimeProvider clock = context.RequestServices.GetRequiredService<TimeProvider>();
                using IDisposable? watch = connections.Watch(
                    context.User,
                    () => _ = EndAsync(context, clock, over.Token)
                );
                try
                {
                    await next(context);
                }
                finally
                {
                    await over.CancelAsync();
                }
            }
        );

    internal static bool IsOwnOrigin(HttpRequest request) =>
        request.Headers.Origin is not [{ } origin]
        || string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);

    private static bool IsConnection(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<HubMetadata>() is not null
        || context.Request.Path.StartsWithSegments("/_blazor", StringComparison.Ordinal);

    private static async Task EndAsync(HttpContext context, TimeProvider clock, CancellationToken over)
    {
        try
        {
            await Task.Delay(s_grace, clock, over);
            context.Abort();
        }
        catch (OperationCanceledException)
        {
            // The connection has ended by itself.
        }
    }
}
