using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Episodes;
using MlsConsole.Core.Events;
using MlsConsole.Core.ExternalCommits;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Identity;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.People;
using MlsConsole.Core.Proposals;
using MlsConsole.Core.RateLimits;
using MlsConsole.Core.Rejoins;
using MlsConsole.Core.Retention;
using MlsConsole.Core.Storage;
using MlsConsole.Core.Welcomes;

namespace MlsConsole.Core;

/// <summary>Puts the features of Core together. This is the only file that knows all of them.</summary>
public static class CoreServices
{
    /// <summary>
    /// Registers every feature over one database. Each is a singleton, since a feature holds no state of a request.
    /// The host also provides an <c>IDataProtectionProvider</c> and calls <c>AddRollouts</c>.
    /// </summary>
    public static IServiceCollection AddCore(this IServiceCollection services, Database database, CoreSettings settings)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ActivityFeed>();
        // By a factory, so that the container disposes the database when the host ends.
        services.AddSingleton(_ => database);
        services.AddSingleton(settings);
        services.AddSingleton(new HostIdentity(settings.HostName));

        services.Add<Leases>();
        services.Add<AuditLog>();
        services.Add<AuditLinker>();
        services.Add<AuditTally>();
        services.Add<FigureCounter>();
        services.Add<FigureStore>();
        services.Add<LiveFigures>();
        services.Add<FigureRollUp>();
        services.Add<EpisodeRecorder>();
        services.Add<EpisodeJudge>();
        services.Add<CallRunner>();
        services.Add<EventRelay>();
        services.Add<EventReader>();
        services.Add<SubscriptionTickets>();
        services.Add<Pruning>();
        services.Add<TokenReplay>();
        services.Add<RateWindows>();

        services.Add<PublicGroups>();
        services.Add<SignatureKeys>();
        services.Add<DeviceRegistry>();
        services.Add<KeyPackageStore>();
        services.Add<JoinTurnConductor>();
        services.Add<ProposalReceiver>();
        services.Add<RemovalProposals>();
        services.Add<Admins>();
        services.Add<Bans>();
        services.Add<SuspectedForks>();
        services.Add<EpochAcknowledgements>();
        services.Add<GroupInfoProvider>();
        services.Add<GroupInfoPublisher>();
        services.Add<RejoinOutcomes>();
        services.Add<RejoinRequests>();
        services.Add<DeviceApprovals>();
        services.Add<WelcomeDelivery>();
        services.Add<MessageDelivery>();

        services.Add<ConversationCreator>();
        services.Add<ConversationReader>();
        services.Add<MemberCommits>();
        services.Add<Leaving>();
        services.Add<ExternalCommitProcessor>();
        return services.AddPeople();
    }

    /// <summary>Registers the people of the console: who may sign in, and what each may do.</summary>
    private static IServiceCollection AddPeople(this IServiceCollection services)
    {
        services.Add<PeopleWriter>();
        services.Add<Sessions>();
        services.Add<OneTimeLinks>();
        services.Add<SignIn>();
        services.Add<OwnAccount>();
        services.Add<PeopleAdministration>();
        services.Add<ApiTokens>();
        services.Add<Demonstration>();
        return services;
    }

    /// <summary>
    /// Registers a feature by its only constructor, which is internal where its parameters are: the container itself
    /// calls public constructors alone.
    /// </summary>
    private static void Add<TFeature>(this IServiceCollection services)
        where TFeature : class
    {
        const BindingFlags anyVisibility = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        var constructor = typeof(TFeature).GetConstructors(anyVisibility).Single();
        services.AddSingleton(provider =>
            (TFeature)
                constructor.Invoke([
                    .. constructor
                        .GetParameters()
                        .Select(parameter => provider.GetRequiredService(parameter.ParameterType)),
                ])
        );
    }
}
