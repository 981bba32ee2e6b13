namespace MlsConsole.Core;

/// <summary>When a rejoin episode counts. The setting's name stands in parentheses.</summary>
public sealed record EpisodeSettings
{
    /// <summary>
    /// An account's episodes count at most once in this time, over all conversations (Episodes:AccountInterval).
    /// </summary>
    public TimeSpan AccountInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// After a failed episode that counted, no episode of its account, and none in its conversation, counts for so long
    /// (Episodes:Silence).
    /// </summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// An episode whose last attempt failed has failed itself when the device does not try again for so long
    /// (Episodes:Patience).
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);
}
