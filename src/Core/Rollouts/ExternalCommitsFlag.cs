using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.FeatureManagement;
using Microsoft.FeatureManagement.FeatureFilters;

namespace MlsConsole.Core.Rollouts;

/// <summary>
/// Whether external commits are on for somebody. Everything that asks, an endpoint or a page, asks here:
/// this evaluator cannot be asked without saying for whom.
/// </summary>
public sealed class ExternalCommitsFlag
{
    /// <summary>The longest reason that is accepted, in characters.</summary>
    public const int MaxReasonLength = 500;

    private readonly FlagDefinitions _definitions;
    private readonly FlagStore _store;
    private readonly FeatureManager _features;

    internal ExternalCommitsFlag(FlagDefinitions definitions, FlagStore store, ILoggerFactory loggers)
    {
        _definitions = definitions;
        _store = store;
        // Composed by hand, with one filter and nothing else: a session manager would outrank "off", a snapshot
        // manager would give one user's answer to the next, and a missing flag has to be an error.
        _features = new FeatureManager(
            definitions,
            new FeatureManagementOptions { IgnoreMissingFeatures = false, IgnoreMissingFeatureFilters = false }
        )
        {
            FeatureFilters = [new ContextualTargetingFilter(Options.Create(new TargetingEvaluationOptions()), loggers)],
            Logger = loggers.CreateLogger<FeatureManager>(),
        };
    }

    /// <summary>
    /// The state as this process read it last. It was at most a second old when the flag was last asked.
    /// </summary>
    public FlagView Current => _definitions.LastRead;

    /// <summary>
    /// Evaluates the flag for the account of a call, and notes the cohort in the call's progress, so that the cohort
    /// which is counted is the one that was evaluated.
    /// </summary>
    public async ValueTask<bool> IsOnForAsync(Caller caller)
    {
        Cohort cohort = await EvaluateAsync(caller.Did);
        caller.Progress.Cohort = cohort;
        return cohort.IsIn();
    }

    /// <summary>
    /// The part of the rollout that a DID is in, and with it whether external commits are on for the DID. If the state
    /// cannot be read, the last known state decides; that is no error.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// <paramref name="did"/> is no DID. All callers without a name would share one bucket.
    /// </exception>
    public async ValueTask<Cohort> EvaluateAsync(Did did)
    {
        if (string.IsNullOrEmpty(did.Value))
            throw new ArgumentException("The flag is evaluated for a DID.", nameof(did));
        bool isOn = await _features.IsEnabledAsync(
            ExternalCommitsDefinition.FlagName,
            new TargetingContext { UserId = did.Value, Groups = [] }
        );
        // The state may have changed since the evaluation. Then the rule is that of the new state; whether external
        // commits are on is what was evaluated.
        bool byPercentage = _definitions.LastRead.State == FlagState.Percentage;
        return isOn
            ? (byPercentage ? Cohort.InsidePercentage : Cohort.Everybody)
            : (byPercentage ? Cohort.OutsidePercentage : Cohort.Nobody);
    }

    /// <summary>
    /// Changes the flag. The new state and its audit entry are written in one transaction. The state is in force in
    /// this process when the call returns, and in every other process within a second.
    /// </summary>
    /// <param name="state">For whom external commits are on from now.</param>
    /// <param name="percentage">0 to 100; it counts only with <see cref="FlagState.Percentage"/>.</param>
    /// <param name="reason">Why, for the audit log: 1 to <see cref="MaxReasonLength"/> characters.</param>
    /// <param name="actor">Who changes it.</param>
    /// <param name="expectedVersion">
    /// The version that the actor has seen; null to change the flag whatever its state is, as a kill switch does.
    /// </param>
    /// <returns>The state that is in force now.</returns>
    /// <exception cref="RefusedException">
    /// Forbidden: turning the flag down takes an operator, turning it up an approver. InvalidRequest: state, percentage
    /// or reason cannot be accepted. Nothing has changed.
    /// </exception>
    /// <exception cref="FlagOvertakenException">
    /// Somebody else has changed the flag since the actor saw it; nothing was written. Whoever still wants the change
    /// sends it with the stored version.
    /// </exception>
    public async Task<FlagView> SetAsync(
        FlagState state,
        int percentage,
        string reason,
        Actor actor,
        long? expectedVersion
    )
    {
        if (!FlagView.IsValid(state, percentage))
            throw Refusal.InvalidRequest("The flag is off, on, or on for a percentage of 0 to 100.").AsException();
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > MaxReasonLength)
            throw Refusal
                .InvalidRequest($"A change of the flag needs a reason of at most {MaxReasonLength} characters.")
                .AsException();
        return await _definitions.ChangeAsync(() =>
            _store.ChangeAsync(state, percentage, reason.Trim(), actor, expectedVersion, CancellationToken.None)
        );
    }

    /// <summary>Reads the state that is stored now.</summary>
    /// <exception cref="InvalidOperationException">No host has been started on the database yet.</exception>
    public Task<FlagView> ReadAsync(CancellationToken cancellation) => _store.ReadAsync(cancellation);

    /// <summary>Writes the first state into a new database, and reads the state that is stored.</summary>
    /// <returns>Whether there was no state, so that the database is new.</returns>
    public async Task<bool> StartAsync(FlagState initial, CancellationToken cancellation)
    {
        bool isNew = await _store.CreateAsync(initial, cancellation);
        await _definitions.CurrentAsync(cancellation);
        return isNew;
    }
}
