using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace MlsConsole.Clients;

/// <summary>Adds the client to a container of dependency injection.</summary>
public static class MlsClientServices
{
    /// <summary>Adds an <see cref="MlsClient"/> with the container's clock, logging and HTTP client factory.</summary>
    /// <param name="services">The container.</param>
    /// <param name="options">Makes the options. A clock, logging or HTTP client that they have is kept.</param>
    /// <returns>
    /// The builder of the HTTP client. Do not add a retry handler to it, which would send a token twice: the MLS client
    /// itself makes lost calls again.
    /// </returns>
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
