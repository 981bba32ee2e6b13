using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rollouts;

public static class RolloutServices
{
    /// <summary>
    /// Adds <see cref="ExternalCommitsFlag"/>; it needs <see cref="Database"/> and <see cref="AuditLog"/>.
    /// </summary>
    public static IServiceCollection AddRollouts(this IServiceCollection services) =>
        services
            .AddSingleton(static provider => new FlagStore(
                provider.GetRequiredService<Database>(),
                provider.GetRequiredService<AuditLog>(),
                provider.GetRequiredService<TimeProvider>()
            ))
            .AddSingleton(static provider => new FlagDefinitions(
                provider.GetRequiredService<FlagStore>().ReadAsync,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<FlagDefinitions>>()
            ))
            .AddSingleton(static provider => new FlagWatch(
                provider.GetRequiredService<FlagDefinitions>(),
                provider.GetRequiredService<Database>(),
                provider.GetRequiredService<HostIdentity>(),
                provider.GetRequiredService<ActivityFeed>(),
                provider.GetRequiredService<TimeProvider>()
            ))
            .AddSingleton(static provider => new ExternalCommitsFlag(
                provider.GetRequiredService<FlagDefinitions>(),
                provider.GetRequiredService<FlagStore>(),
                provider.GetRequiredService<ILoggerFactory>()
            ));
}
