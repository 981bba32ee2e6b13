namespace MlsConsole.Core;

/// <summary>
/// What Core found out about a call on the way to its answer, for those who count calls. The answer itself does not say
/// it, and a call that fails says nothing else.
/// </summary>
public sealed class CallProgress
{
    /// <summary>The part of the rollout that the caller was in when the flag was evaluated for the call.</summary>
    public Cohort Cohort { get; internal set; }

    /// <summary>
    /// Whether the caller was found to be somebody who may join the conversation, so that an external commit is judged
    /// on its merits.
    /// </summary>
    public bool Admitted { get; internal set; }
}
