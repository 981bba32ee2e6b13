using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace MlsConsole.Clients;

/// <summary>Dependency injection.</summary>
public static class MlsClientServices
{
    /// <summary>Adds an <see cref="MlsClient"/> with the container's clock, logging and HTTP client factory.</summary>
    /// <param name="services">The container.</param>
    /// <param name="options">Makes the options; what they say of clock, logging and HTTP client is kept.</param>
    /// <returns>The builder of its HTTP client. Lost calls are made again by the MLS client itself: a retry handler would send a token twice.</returns>
    public static IHttpClientBuilder AddMlsClient(
        this IServiceCollection services,
        Func<IServiceProvider, MlsClientOptions> options
    )
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider =>
        {
            var given = options(provider);
            return new MlsClient(
                given with
                {
                    CreateHttpClient =
                        given.CreateHttpClient
                        ?? (() => provider.GetRequiredService<IHttpClientFactory>().CreateClient(nameof(MlsClient))),
                    Clock =
                        given.Clock == TimeProvider.System ? provider.GetRequiredService<TimeProvider>() : given.Clock,
                    Logging = given.Logging ?? provider.GetService<ILoggerFactory>(),
                }
            );
        });
        return services.AddHttpClient(nameof(MlsClient));
    }
}
