using Microsoft.Extensions.DependencyInjection.Extensions;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Live;
using MlsConsole.Host.Xrpc.Methods;

namespace MlsConsole.Host.Xrpc;

internal static class XrpcServices
{
    /// <summary>
    /// Adds the services of everything under <c>/xrpc</c>. Each method is registered as <see cref="XrpcMethod"/>; an
    /// NSID without one is answered as not implemented.
    /// </summary>
    public static void AddXrpc(this IServiceCollection services)
    {
        foreach (var method in XrpcMethodIndex.All)
            services.AddSingleton(method);
        services.AddSingleton<XrpcMethods>();
        services.AddSingleton<SubscriptionSlots>();
        services.TryAddSingleton<ActivityFeed>();
    }

    /// <summary>
    /// Must come before routing and before everything that could redirect or answer with an error page.
    /// </summary>
    public static void UseXrpc(this IApplicationBuilder app) =>
        app.UseWebSockets(
                new WebSocketOptions
                {
                    KeepAliveInterval = TimeSpan.FromSeconds(30),
                    KeepAliveTimeout = TimeSpan.FromSeconds(30),
                }
            )
            .UseMiddleware<XrpcEndpoint>();
}
