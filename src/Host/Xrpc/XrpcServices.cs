using Microsoft.Extensions.DependencyInjection.Extensions;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Xrpc.Methods;

namespace MlsConsole.Host.Xrpc;

internal static class XrpcServices
{
    /// <summary>Adds everything under <c>/xrpc</c>. A method is registered as <see cref="XrpcMethod"/>; any other NSID is not implemented.</summary>
    public static void AddXrpc(this IServiceCollection services)
    {
        foreach (var method in XrpcMethodIndex.All)
            services.AddSingleton(method);
        services.AddSingleton<XrpcMethods>();
        services.TryAddSingleton<ActivityFeed>();
    }

    /// <summary>Comes before routing and before everything that could redirect or draw an error page.</summary>
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
