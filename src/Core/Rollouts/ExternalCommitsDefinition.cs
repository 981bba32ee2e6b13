using Microsoft.FeatureManagement;
using Microsoft.FeatureManagement.FeatureFilters;

namespace MlsConsole.Core.Rollouts;

/// <summary>The flag <c>external_commits_enabled</c> as a feature of Microsoft.FeatureManagement.</summary>
internal static class ExternalCommitsDefinition
{
    /// <summary>
    /// The flag's name. It is frozen: it goes into the hash that decides who is in a percentage, so another
    /// name would throw everybody into another bucket.
    /// </summary>
    public const string FlagName = "external_commits_enabled";

    /// <summary>
    /// The alias of the targeting filter that is given its context by the caller, instead of finding one by itself.
    /// </summary>
    private const string Targeting = "Microsoft.Targeting";

    /// <summary>
    /// Makes the definition of the flag in a state that was read. Off and On are percentages too, 0 and 100, so that
    /// every state is evaluated in the same way.
    /// </summary>
    public static FeatureDefinition For(FlagView view)
    {
        // The filter does not validate settings that it is given as an object: it would take 150 for everybody.
        if (!FlagView.IsValid(view.State, view.Percentage))
            throw new InvalidOperationException($"The stored state of {FlagName} is no valid state.");
        return new FeatureDefinition
        {
            Name = FlagName,
            EnabledFor = [new FeatureFilterConfiguration { Name = Targeting, ParametersObject = SettingsOf(view) }],
        };
    }

    /// <summary>The settings of the targeting filter: for whom a state is on, as a percentage.</summary>
    public static TargetingFilterSettings SettingsOf(FlagView view)
    {
        int percentage = view.State switch
        {
            FlagState.On => 100,
            FlagState.Percentage => view.Percentage,
            _ => 0,
        };
        return new() { Audience = new Audience { DefaultRolloutPercentage = percentage } };
    }
}
