using Microsoft.FeatureManagement;
using Microsoft.FeatureManagement.FeatureFilters;

namespace MlsConsole.Core.Rollouts;

/// <summary>The flag in the words of Microsoft.FeatureManagement.</summary>
internal static class ExternalCommitsDefinition
{
    /// <summary>
    /// The flag's name. It is frozen: it goes into the hash that decides who is in a percentage, so another
    /// name would throw everybody into another bucket.
    /// </summary>
    public const string FlagName = "external_commits_enabled";

    /// <summary>Alias of the targeting filter that is told its context, instead of finding one by itself.</summary>
    private const string Targeting = "Microsoft.Targeting";

    /// <summary>
    /// A definition of its own for each state read. Off and On are percentages too, 0 and 100, so that every
    /// state is evaluated on one path.
    /// </summary>
    public static FeatureDefinition For(FlagView view)
    {
        // The filter does not validate settings that are handed over as an object: 150 would mean everybody.
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
