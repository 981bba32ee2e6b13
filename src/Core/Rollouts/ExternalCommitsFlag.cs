using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.FeatureManagement;
using Microsoft.FeatureManagement.FeatureFilters;
using MlsConsole.Core.Activity;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// Whether external commits are on for somebody. Everything that asks, an endpoint or a page, asks here:
/// this evaluator cannot be asked without saying for whom.
/// </summary>
public sealed class ExternalCommitsFlag
{
    /// <summary>Longest reason that is taken, in characters.</summary>
    public const int MaxReasonLength = 500;

    private readonly FlagDefinitions definitions;
    private readonly FlagStore store;
    private readonly FeatureManager features;
    private readonly ContextualTargetingFilter targeting;

    internal ExternalCommitsFlag(FlagDefinitions definitions, FlagStore store, ILoggerFactory loggers)
    {
        this.definitions = definitions;
        this.store = store;
        targeting = new ContextualTargetingFilter(Options.Create(new TargetingEvaluationOptions()), loggers);
        // Composed by hand, with one filter and nothing else: a session manager would outrank "off", a snapshot
        // manager would give one user's answer to the next, and a missing flag has to be an error.
        features = new FeatureManager(
            definitions,
            new FeatureManagementOptions { IgnoreMissingFeatures = false, IgnoreMissingFeatureFilters = false }
        )
        {
            FeatureFilters = [targeting],
            Logger = loggers.CreateLogger<FeatureManager>(),
        };
    }

    /// <summary>The state as this process read it last, at most a second before the last question.</summary>
    public FlagView Current => definitions.LastRead;

    /// <summary>Whether external commits are on for a DID. Never throws because the state cannot be read.</summary>
    /// <exception cref="ArgumentException"><paramref name="did"/> is no DID: all nameless callers would share one bucket.</exception>
    public async ValueTask<bool> IsOnForAsync(Did did)
    {
        if (string.IsNullOrEmpty(did.Value))
            throw new ArgumentException("The flag is evaluated for a DID.", nameof(did));
        return await features.IsEnabledAsync(
            ExternalCommitsDefinition.FlagName,
            new TargetingContext { UserId = did.Value, Groups = [] }
        );
    }

    /// <summary>
    /// The part of the rollout that a DID is in, by the state that this process read last. Unlike
    /// <see cref="IsOnForAsync"/> it never asks the database and never throws: it is for telling of requests that have
    /// been answered.
    /// </summary>
    public async ValueTask<Cohort> CohortOfAsync(Did did)
    {
        FlagView view = definitions.LastRead;
        if (string.IsNullOrEmpty(did.Value))
            return Cohort.NotEvaluated;
        return view.State switch
        {
            FlagState.On => Cohort.Everybody,
            FlagState.Percentage => await targeting.EvaluateAsync(
                new FeatureFilterEvaluationContext
                {
                    FeatureName = ExternalCommitsDefinition.FlagName,
                    Settings = ExternalCommitsDefinition.SettingsOf(view),
                },
                new TargetingContext { UserId = did.Value, Groups = [] }
            )
                ? Cohort.InsidePercentage
                : Cohort.OutsidePercentage,
            _ => Cohort.Nobody,
        };
    }

    /// <summary>
    /// Changes the flag: the new state and its audit entry are one transaction, in force in this process when
    /// the call returns and in every other within a second.
    /// </summary>
    /// <param name="state">For whom it is on from now.</param>
    /// <param name="percentage">0 to 100; it counts only with <see cref="FlagState.Percentage"/>.</param>
    /// <param name="reason">Why, for the audit log: 1 to <see cref="MaxReasonLength"/> characters.</param>
    /// <param name="actor">Who changes it.</param>
    /// <exception cref="RefusedException">State, percentage or reason cannot be accepted; nothing has changed.</exception>
    public async Task SetAsync(FlagState state, int percentage, string reason, string actor)
    {
        if (!FlagView.IsValid(state, percentage))
            throw Refusal.InvalidRequest("The flag is off, on, or on for a percentage of 0 to 100.").AsException();
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > MaxReasonLength)
            throw Refusal
                .InvalidRequest($"A change of the flag needs a reason of at most {MaxReasonLength} characters.")
                .AsException();
        await definitions.ChangeAsync(() =>
            store.ChangeAsync(
                state,
                percentage,
                reason.Trim(),
                actor,
                Guid.CreateVersion7().ToString("N"),
                CancellationToken.None
            )
        );
    }

    /// <summary>Writes the first state into a new database and reads what is stored.</summary>
    public async Task StartAsync(FlagState initial, CancellationToken cancellation)
    {
        await store.CreateAsync(initial, cancellation);
        await definitions.CurrentAsync(cancellation);
    }
}
