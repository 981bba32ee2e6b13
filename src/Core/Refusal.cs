namespace MlsConsole.Core;

/// <summary>An expected "no". <see cref="Error"/> is the name on the wire; it never changes.</summary>
/// <param name="Error">Error name as the lexicon declares it.</param>
/// <param name="Message">One sentence for people; says nothing that the caller may not know.</param>
public sealed record Refusal(string Error, string Message)
{
    /// <summary>Id of the broken rule, for InvalidCommit, InvalidProposal, InvalidGroupInfo, InvalidKeyPackage and InvalidWelcome.</summary>
    public string? Rule { get; init; }

    /// <summary>For EpochMismatch: the conversation's epoch.</summary>
    public ulong? CurrentEpoch { get; init; }

    /// <summary>For EpochMismatch: <c>stale</c> (too old) or <c>ahead</c> (impossible).</summary>
    public string? Mismatch { get; init; }

    /// <summary>For RateLimitExceeded and TurnPending: when to come again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For TurnPending: how many are before the device, at least 1.</summary>
    public int? Position { get; init; }

    /// <summary>For LeavePending: the leaves that the commit must remove.</summary>
    public IReadOnlyList<uint>? Leaves { get; init; }

    /// <summary>Why, for the audit log and a metric label; one of a closed list. Never sent.</summary>
    public string? Reason { get; init; }

    /// <summary>The one answer to everybody who may not, and to a conversation that does not exist.</summary>
    public static Refusal Unauthorized(string reason) =>
        new(ErrorNames.Unauthorized, "You may not do this, or there is no such conversation.") { Reason = reason };

    /// <summary>The commit is for another epoch than the current one.</summary>
    public static Refusal EpochMismatch(ulong current, ulong given) =>
        new(ErrorNames.EpochMismatch, "The commit is not for the current epoch.")
        {
            CurrentEpoch = current,
            Mismatch = given > current ? RefusalReasons.Ahead : RefusalReasons.Stale,
            Reason = given > current ? RefusalReasons.Ahead : RefusalReasons.Stale,
        };

    /// <summary>Too many attempts in an hour.</summary>
    public static Refusal RateLimitExceeded(string reason, TimeSpan retryAfter) =>
        new(ErrorNames.RateLimitExceeded, "Too many attempts; come again later.")
        {
            Reason = reason,
            RetryAfter = retryAfter,
        };

    /// <summary>The device is in the line, but it is not its turn yet. The nearer it is, the sooner it should ask again; its place is kept for longer than that.</summary>
    public static Refusal TurnPending(int position) =>
        new(ErrorNames.TurnPending, "It is not the device's turn yet; its place is kept for ten seconds.")
        {
            Position = position,
            RetryAfter = TimeSpan.FromMilliseconds(Math.Clamp(50 * position, 100, 5000)),
        };

    public static Refusal InvalidCommit(string rule) =>
        ByRule(ErrorNames.InvalidCommit, "The commit breaks a rule.", rule);

    public static Refusal InvalidProposal(string rule) =>
        ByRule(ErrorNames.InvalidProposal, "The proposal breaks a rule.", rule);

    public static Refusal InvalidGroupInfo(string rule) =>
        ByRule(ErrorNames.InvalidGroupInfo, "The GroupInfo breaks a rule.", rule);

    public static Refusal InvalidKeyPackage(string rule) =>
        ByRule(ErrorNames.InvalidKeyPackage, "The key package breaks a rule.", rule);

    public static Refusal InvalidWelcome(string rule) =>
        ByRule(ErrorNames.InvalidWelcome, "The Welcome breaks a rule.", rule);

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

    public static Refusal InvalidRequest(string message) => new(RequestOutcomes.InvalidRequest, message);

    private static Refusal ByRule(string error, string message, string rule) =>
        new(error, message) { Rule = rule, Reason = rule };

    /// <summary>The refusal as an exception.</summary>
    public RefusedException AsException() => new(this);
}

/// <summary>Carries a <see cref="Core.Refusal"/> to the host's one error boundary.</summary>
public sealed class RefusedException(Refusal refusal)
    : Exception($"{refusal.Error}: {refusal.Reason ?? refusal.Message}")
{
    /// <summary>What is refused and why.</summary>
    public Refusal Refusal { get; } = refusal;
}
