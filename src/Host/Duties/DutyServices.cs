namespace MlsConsole.Host.Duties;

internal static class DutyServices
{
    /// <summary>
    /// Adds the host's background work. The container has each duty by its own type, and all of them as
    /// <see cref="Duty"/>.
    /// </summary>
    public static void AddDuties(this IServiceCollection services)
    {
        services.AddDuty<LiveBroadcastDuty>();
        services.AddDuty<FlagWatchDuty>();
        services.AddDuty<SessionWatchDuty>();
        services.AddDuty<FiguresDuty>();
        services.AddDuty<EpisodesDuty>();
        services.AddDuty<FigureRollUpDuty>();
        // Duties stop in the reverse order: the last counts are written before the last entries are linked.
        services.AddDuty<AuditLinkingDuty>();
        services.AddDuty<AuditTallyDuty>();
        services.AddDuty<RemovalProposalsDuty>();
        services.AddDuty<PruningDuty>();
        services.AddDuty<EventRelayDuty>();
    }

    private static void AddDuty<TDuty>(this IServiceCollection services)
        where TDuty : Duty
    {
        services.AddSingleton<TDuty>();
        services.AddSingleton<Duty>(static provider => provider.GetRequiredService<TDuty>());
        services.AddHostedService(static provider => provider.GetRequiredService<TDuty>());
    }
}
