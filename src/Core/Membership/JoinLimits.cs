using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Membership;

/// <summary>How many external commits of an hour are taken. They are counted from what all hosts have stored; only who may join is asked.</summary>
/// <param name="Since">When the hour began.</param>
/// <param name="RefusedAt">When, of the refused commits of the account in the conversation, the first of those came that fill the limit; null if there are fewer.</param>
/// <param name="JoinedAt">The same of the accepted ones of each of its devices.</param>
internal sealed record JoinLimits(
    DateTimeOffset Since,
    DateTimeOffset? RefusedAt,
    IReadOnlyDictionary<long, DateTimeOffset?> JoinedAt
)
{
    /// <summary>Which audit entries count as refused; the condition of their index too.</summary>
    public const string RefusedFilter =
        "action = 'processExternalCommit' AND outcome NOT IN ('accepted', 'Unauthorized', 'ExternalCommitsDisabled')";

    public static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>Accepted external commits of a device in a conversation.</summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public void Require(Device joiner)
    {
        if (JoinedAt[joiner.Id] is { } at)
            throw Refusal.RateLimitExceeded(RefusalReasons.AcceptedExternalCommits, at - Since).AsException();
    }

    /// <summary>CallRunner of an account in a conversation that were refused for what was sent: not those of one who might not at the time.</summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public void RequireFewRefused()
    {
        if (RefusedAt is { } at)
            throw Refusal.RateLimitExceeded(RefusalReasons.RefusedExternalCommits, at - Since).AsException();
    }
}
