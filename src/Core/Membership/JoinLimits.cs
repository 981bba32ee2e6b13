using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Membership;

/// <summary>
/// How many external commits are taken in an hour (delivery-service §6.4). They are counted from what all hosts have
/// stored, and only for accounts that may join.
/// </summary>
/// <param name="Since">When the hour began that is counted: <see cref="Window"/> before now.</param>
/// <param name="RefusedAt">
/// When the account's refused external commits in the conversation fill the limit of the hour: the time of the oldest
/// of those that fill it (with a limit of 60 the sixtieth from the newest on). Null if there are fewer.
/// </param>
/// <param name="JoinedAt">
/// The same for the accepted external commits of each device of the account, by the row of the device.
/// </param>
internal sealed record JoinLimits(
    DateTimeOffset Since,
    DateTimeOffset? RefusedAt,
    IReadOnlyDictionary<long, DateTimeOffset?> JoinedAt
)
{
    /// <summary>
    /// The SQL condition by which an audit entry counts as a refused external commit. It is the condition of their
    /// index, too.
    /// </summary>
    public const string RefusedFilter =
        "action = 'processExternalCommit' AND outcome NOT IN ('accepted', 'Unauthorized', 'ExternalCommitsDisabled')";

    public static readonly TimeSpan Window = TimeSpan.FromHours(1);

    /// <summary>
    /// Refuses a device whose accepted external commits in the conversation fill the limit of the hour.
    /// </summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public void Require(Device joiner)
    {
        if (JoinedAt[joiner.Id] is { } at)
            throw Refusal.RateLimitExceeded(RefusalReasons.AcceptedExternalCommits, at - Since).AsException();
    }

    /// <summary>
    /// Refuses an account whose external commits in the conversation were refused so often that they fill the limit of
    /// the hour. Refusals of an account that was not allowed to try at the time are not counted.
    /// </summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public void RequireFewRefused()
    {
        if (RefusedAt is { } at)
            throw Refusal.RateLimitExceeded(RefusalReasons.RefusedExternalCommits, at - Since).AsException();
    }
}
