namespace MlsConsole.Core;

/// <summary>An expected "no", as the caller gets it and as the audit log has it.</summary>
/// <param name="Error">The name of the error as the lexicon declares it, which never changes.</param>
/// <param name="Message">One sentence for people. It says nothing that the caller may not know.</param>
public sealed record Refusal(string Error, string Message)
{
    /// <summary>
    /// The id of the broken rule; for InvalidCommit, InvalidProposal, InvalidGroupInfo, InvalidKeyPackage,
    /// InvalidWelcome, and for InvalidRequest of an application message.
    /// </summary>
    public string? Rule { get; init; }

    /// <summary>For EpochMismatch: the conversation's epoch.</summary>
    public ulong? CurrentEpoch { get; init; }

    /// <summary>
    /// For EpochMismatch: <c>stale</c> if the epoch that the caller named is over, <c>ahead</c> if it has not begun.
    /// </summary>
    public string? Mismatch { get; init; }

    /// <summary>For RateLimitExceeded and TurnPending: after what time the caller may try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For TurnPending: how many devices are before this one in line, at least 1.</summary>
    public int? Position { get; init; }

    /// <summary>For LeavePending: the indices of the leaves that the commit must remove.</summary>
    public IReadOnlyList<uint>? Leaves { get; init; }

    /// <summary>
    /// Why the call is refused, for the audit log and a metric label: the id of a rule, or a name of a closed list
    /// (<see cref="RefusalReasons"/>). It is never sent to the caller.
    /// </summary>
    public string? Reason { get; init; }

    /// <summary>
    /// The caller may not do this, or there is no such conversation. The answer to both is the same, so that an
    /// outsider does not learn which conversations exist.
    /// </summary>
    /// <param name="reason">The reason for the audit log.</param>
    public static Refusal Unauthorized(string reason) =>
        new(ErrorNames.Unauthorized, "You may not do this, or there is no such conversation.") { Reason = reason };

    /// <summary>What the caller sent is for another epoch than the current one.</summary>
    /// <param name="current">The conversation's epoch.</param>
    /// <param name="given">The epoch that the caller named.</param>
    public static Refusal EpochMismatch(ulong current, ulong given) =>
        new(ErrorNames.EpochMismatch, "The commit is not for the current epoch.")
        {
            CurrentEpoch = current,
            Mismatch = given > current ? RefusalReasons.Ahead : RefusalReasons.Stale,
            Reason = given > current ? RefusalReasons.Ahead : RefusalReasons.Stale,
        };

    /// <summary>The caller made too many attempts.</summary>
    /// <param name="reason">Which limit was reached, for the audit log.</param>
    /// <param name="retryAfter">After what time the caller may try again.</param>
    public static Refusal RateLimitExceeded(string reason, TimeSpan retryAfter) =>
        new(ErrorNames.RateLimitExceeded, "Too many attempts; come again later.")
        {
            Reason = reason,
            RetryAfter = retryAfter,
        };

    /// <summary>
    /// The device is in line, but does not have the turn yet. The nearer the turn is, the sooner the device is told to
    /// ask again: after 50 ms for each device before it, at least 100 ms and at most 5 s. Its place is kept for longer.
    /// </summary>
    /// <param name="position">How many devices are before this one in line, at least 1.</param>
    public static Refusal TurnPending(int position) =>
        new(ErrorNames.TurnPending, "It is not the device's turn yet; its place is kept for ten seconds.")
        {
            Position = position,
            RetryAfter = TimeSpan.FromMilliseconds(Math.Clamp(50 * position, 100, 5000)),
        };

    /// <summary>The commit breaks the rule with the given id.</summary>
    public static Refusal InvalidCommit(string rule) =>
        ByRule(ErrorNames.InvalidCommit, "The commit breaks a rule.", rule);

    /// <summary>The proposal breaks the rule with the given id.</summary>
    public static Refusal InvalidProposal(string rule) =>
        ByRule(ErrorNames.InvalidProposal, "The proposal breaks a rule.", rule);

    /// <summary>The GroupInfo or its tree breaks the rule with the given id.</summary>
    public static Refusal InvalidGroupInfo(string rule) =>
        ByRule(ErrorNames.InvalidGroupInfo, "The GroupInfo breaks a rule.", rule);

    /// <summary>The key package breaks the rule with the given id.</summary>
    public static Refusal InvalidKeyPackage(string rule) =>
        ByRule(ErrorNames.InvalidKeyPackage, "The key package breaks a rule.", rule);

    /// <summary>The Welcome breaks the rule with the given id.</summary>
    public static Refusal InvalidWelcome(string rule) =>
        ByRule(ErrorNames.InvalidWelcome, "The Welcome breaks a rule.", rule);

    /// <summary>The application message breaks the rule with the given id.</summary>
    public static Refusal InvalidMessage(string rule) =>
        ByRule(RequestOutcomes.InvalidRequest, "The message is not a PrivateMessage of this conversation.", rule);

    public static Refusal WrongUser { get; } =
        new(ErrorNames.WrongUser, "The leaf is not one of the caller's enrolled devices.");
    public static Refusal DeviceNotApproved { get; } =
        new(
            ErrorNames.DeviceNotApproved,
            "In this conversation a device comes in after another one of the account has approved it."
        )
        {
            Reason = RefusalReasons.DeviceNotApproved,
        };
    public static Refusal InvalidApproval { get; } =
        new(
            ErrorNames.InvalidApproval,
            "It is not signed with the key in the leaf of the device that it names, or it has ended."
        );
    public static Refusal LastMember { get; } = new(ErrorNames.LastMember, "The last member cannot leave.");
    public static Refusal LastAdmin { get; } = new(ErrorNames.LastAdmin, "The last admin cannot be demoted.");
    public static Refusal LeavePending { get; } =
        new(ErrorNames.LeavePending, "A member has left or is banned: the commit must remove its leaves.");
    public static Refusal GhostLeaf { get; } =
        new(ErrorNames.GhostLeaf, "The device still has a leaf: the commit must remove it.");
    public static Refusal NotAdmin { get; } =
        new(ErrorNames.NotAdmin, "Only an admin of the conversation may do this.");
    public static Refusal ExternalCommitsDisabled { get; } =
        new(ErrorNames.ExternalCommitsDisabled, "External commits are off for this account.");
    public static Refusal GroupExists { get; } =
        new(ErrorNames.GroupExists, "A conversation with this group id exists.");
    public static Refusal UnsupportedCipherSuite { get; } =
        new(ErrorNames.UnsupportedCipherSuite, "The cipher suite is not one that this service supports.");
    public static Refusal DeviceAlreadyRegistered { get; } =
        new(ErrorNames.DeviceAlreadyRegistered, "The key or identity belongs to another device.");
    public static Refusal TooManyDevices { get; } =
        new(ErrorNames.TooManyDevices, "The account has the greatest number of devices.");
    public static Refusal TooManyKeyPackages { get; } =
        new(ErrorNames.TooManyKeyPackages, "The device has the greatest number of key packages.");
    public static Refusal TooManyProposals { get; } =
        new(ErrorNames.TooManyProposals, "The account has the greatest number of proposals in this epoch.");
    public static Refusal TooManyMembers { get; } =
        new(ErrorNames.TooManyMembers, "The conversation has the greatest number of leaves.");
    public static Refusal WelcomeNotFound { get; } =
        new(ErrorNames.WelcomeNotFound, "There is no such Welcome for this account.");
    public static Refusal MessageTooLarge { get; } = new(ErrorNames.MessageTooLarge, "The message is too large.");
    public static Refusal IdempotencyConflict { get; } =
        new(ErrorNames.IdempotencyConflict, "The idempotency key was used with other objects.");

    /// <summary>Somebody else has changed meanwhile what the command is about; the message says what and how.</summary>
    public static Refusal VersionMismatch(string message) => new(RequestOutcomes.VersionMismatch, message);

    /// <summary>The request is not in order; the message says what is wrong.</summary>
    public static Refusal InvalidRequest(string message) => new(RequestOutcomes.InvalidRequest, message);

    private static Refusal ByRule(string error, string message, string rule) =>
        new(error, message) { Rule = rule, Reason = rule };

    /// <summary>The refusal as an exception.</summary>
    public RefusedException AsException() => new(this);
}

/// <summary>Carries a <see cref="Core.Refusal"/> to the host's one error boundary.</summary>
public class RefusedException(Refusal refusal) : Exception($"{refusal.Error}: {refusal.Reason ?? refusal.Message}")
{
    /// <summary>What is refused and why.</summary>
    public Refusal Refusal { get; } = refusal;
}
