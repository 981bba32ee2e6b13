using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace MlsConsole.Core;

/// <summary>What the host asks for.</summary>
public static class CoreServices
{
    /// <summary>Registers every feature over one database. All of them are singletons: they hold no state of a request.</summary>
    public static IServiceCollection AddCore(this IServiceCollection services, Database database, CoreSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ => database);
        services.AddSingleton(settings);
        services.AddSingleton<AuditLog>();
        services.AddSingleton(provider => new Leases(Clock(provider)));
        services.AddSingleton(provider => new AuditLinker(Database(provider), provider.GetRequiredService<Leases>()));
        services.AddSingleton(provider => new EventRelay(Database(provider), provider.GetRequiredService<Leases>()));
        services.AddSingleton(provider => new EventReader(Database(provider)));
        services.AddSingleton(provider => new SubscriptionTickets(
            Attempts(provider),
            Database(provider),
            Clock(provider)
        ));
        services.AddSingleton(provider => new Pruning(Database(provider), settings, Clock(provider)));
        services.TryAddSingleton<ActivityFeed>();
        services.AddSingleton<RefusalTally>();
        services.AddSingleton<TokenReplay>();
        services.AddSingleton<RateWindows>();
        services.AddSingleton(provider => new Attempts(
            provider.GetRequiredService<Database>(),
            provider.GetRequiredService<AuditLog>(),
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton(provider => new SignatureKeys(
            Database(provider),
            provider.GetRequiredService<AuditLog>(),
            provider.GetRequiredService<IDataProtectionProvider>(),
            Clock(provider)
        ));
        services.AddSingleton(provider => new PublicGroups(
            provider.GetRequiredService<Database>(),
            settings,
            provider.GetRequiredService<TimeProvider>()
        ));
        services.AddSingleton(provider => new Devices(
            Attempts(provider),
            Database(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new KeyPackages(Attempts(provider), Database(provider), Clock(provider)));
        services.AddSingleton(provider => new Conversations(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new MemberCommits(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new JoinTurns(
            Database(provider),
            provider.GetRequiredService<ActivityFeed>(),
            Clock(provider)
        ));
        services.AddSingleton(provider => new Proposals(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            Clock(provider)
        ));
        services.AddSingleton(provider => new RemovalProposals(
            Database(provider),
            Groups(provider),
            provider.GetRequiredService<SignatureKeys>(),
            provider.GetRequiredService<AuditLog>(),
            Clock(provider),
            provider.GetRequiredService<ILogger<RemovalProposals>>()
        ));
        services.AddSingleton(provider => new Leaving(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            Clock(provider)
        ));
        services.AddSingleton(provider => new Admins(Attempts(provider), Database(provider), Clock(provider)));
        services.AddSingleton(provider => new Bans(
            Attempts(provider),
            Database(provider),
            provider.GetRequiredService<AuditLog>(),
            Clock(provider)
        ));
        services.AddSingleton(provider => new GroupInfos(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            Flag(provider),
            Turns(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new ExternalCommits(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            Flag(provider),
            Turns(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new EpochAcknowledgements(
            Attempts(provider),
            Database(provider),
            Clock(provider)
        ));
        services.AddSingleton(provider => new SuspectedForks(Database(provider)));
        services.AddSingleton(provider => new RejoinOutcomes(Attempts(provider), Database(provider)));
        services.AddSingleton(provider => new RejoinRequests(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            settings,
            Clock(provider)
        ));
        services.AddSingleton(provider => new DeviceApprovals(
            Attempts(provider),
            Database(provider),
            Groups(provider),
            Clock(provider)
        ));
        services.AddSingleton(provider => new Welcomes(Attempts(provider), Database(provider), Clock(provider)));
        services.AddSingleton(provider => new Messages(
            Attempts(provider),
            Database(provider),
            settings,
            Clock(provider)
        ));
        return services;
    }

    private static Attempts Attempts(IServiceProvider provider) => provider.GetRequiredService<Attempts>();

    private static Database Database(IServiceProvider provider) => provider.GetRequiredService<Database>();

    private static PublicGroups Groups(IServiceProvider provider) => provider.GetRequiredService<PublicGroups>();

    private static JoinTurns Turns(IServiceProvider provider) => provider.GetRequiredService<JoinTurns>();

    private static ExternalCommitsFlag Flag(IServiceProvider provider) =>
        provider.GetRequiredService<ExternalCommitsFlag>();

    private static TimeProvider Clock(IServiceProvider provider) => provider.GetRequiredService<TimeProvider>();
}
