using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>The account's conversations, as this device takes part in them.</summary>
public sealed class ConversationManager
{
    private readonly MlsClientOptions _options;
    private readonly ConversationGate _gate;
    private readonly ConversationCreation _creation;
    private readonly JoiningByWelcome _welcomes;
    private readonly Rejoining _rejoining;
    private readonly LogFollowing _serviceLog;
    private readonly CommitSending _commits;
    private readonly MessageSending _messages;
    private readonly MemberChanges _members;
    private readonly MemberRoles _roles;
    private readonly AccountDeparture _departure;
    private readonly RejoinAnswers _answers;
    private readonly ApprovalSigning _approvals;
    private readonly AllConversations _all;

    internal ConversationManager(
        MlsClientOptions options,
        ServiceConnection service,
        DeviceKeys keys,
        ConversationGate gate,
        RejoinReports reports
    )
    {
        var logger = (options.Logging ?? NullLoggerFactory.Instance).CreateLogger<ConversationManager>();
        _options = options;
        _gate = gate;
        _creation = new(options, service, keys, gate);

        var lookup = new ConversationLookup(options, service);
        var branches = new BranchVerification(service);
        _welcomes = new(options, service, keys, gate, branches, reports, logger);
        var byExternalCommit = new JoiningByExternalCommit(options, service, keys, branches);
        var byMember = new JoiningByMember(options, service, keys, lookup, _welcomes);
        _rejoining = new(options, new(options), _welcomes, byExternalCommit, byMember, reports, logger);

        _serviceLog = new(options, service, _rejoining);
        _commits = new(options, service, lookup, _serviceLog);
        _messages = new(options, service, _commits, _serviceLog);
        _members = new(options, service, gate, lookup, _commits, _serviceLog);
        _roles = new(service);
        _departure = new(options, service, _serviceLog);
        _answers = new(service, _commits, _serviceLog);
        _approvals = new(options, service, keys, lookup, _serviceLog);
        _all = new(options, service, gate, _welcomes, _rejoining, _serviceLog);
    }

    /// <summary>Creates a conversation whose only member is this device.</summary>
    /// <param name="metadata">What the service keeps with the conversation, in the clear.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The conversation's id.</returns>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<string> CreateAsync(string? metadata = null, CancellationToken cancellation = default) =>
        _creation.CreateAsync(metadata, cancellation);

    /// <summary>
    /// The conversation as this device has it; null where it has no state of it, or is no longer in the group.
    /// </summary>
    public Task<ConversationView?> ViewAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(conversationId, static conversation => Task.FromResult(conversation.View()), cancellation);

    /// <summary>
    /// Forgets all that the device knows of a conversation. A later rejoin has nothing left to verify the service's
    /// group against.
    /// </summary>
    public Task ForgetAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(conversationId, conversation => conversation.ForgetAsync(cancellation), cancellation);

    /// <summary>
    /// Brings the device (back) into a conversation: by a Welcome that waits, else by an external commit in turn, tried
    /// again within bounds when the epoch moves, else by a member who is asked to add the device again.
    /// </summary>
    /// <remarks>
    /// Where the device still knows an old epoch, the group that it joins must descend from that epoch.
    /// </remarks>
    /// <returns>
    /// How the device joined, or that it awaits approval: then it costs nothing to ask again, and
    /// <see cref="ConversationEvents.FollowAsync"/> rejoins when the approval comes.
    /// </returns>
    /// <exception cref="MlsClientException">
    /// The service's refusal (<c>Unauthorized</c> is final), <see cref="ClientErrors.OtherBranch"/>,
    /// <see cref="ClientErrors.RejoinLoop"/> or <see cref="ClientErrors.RejoinFailed"/>.
    /// </exception>
    public Task<RejoinResult> RejoinAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _rejoining.RejoinAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>
    /// Joins by external commit without the help of other members, with a fresh GroupInfo for each try. A Welcome that
    /// waits is taken first.
    /// </summary>
    /// <exception cref="MlsClientException">The last refusal.</exception>
    public Task<RejoinResult> JoinByExternalCommitAsync(
        string conversationId,
        CancellationToken cancellation = default
    ) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _rejoining.RejoinAloneAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>
    /// Joins every conversation that the account belongs to and this device has no live state of: after a reinstall,
    /// all of them.
    /// </summary>
    /// <exception cref="MlsClientException">
    /// The list of conversations could not be had. What fails for one conversation is in its result.
    /// </exception>
    public Task<IReadOnlyList<Recovery>> RecoverLostConversationsAsync(CancellationToken cancellation = default) =>
        _all.RecoverLostAsync(cancellation);

    /// <summary>Joins every conversation whose Welcome waits for this device.</summary>
    /// <returns>
    /// The conversations that were joined. A Welcome that cannot be opened is reported to the service: rejoin its
    /// conversation.
    /// </returns>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<IReadOnlyList<string>> AcceptWelcomesAsync(CancellationToken cancellation = default) =>
        _welcomes.AcceptAllAsync(cancellation);

    /// <summary>
    /// Takes all that happened in a conversation since the last time: follows the commits that were missed, opens
    /// messages.
    /// </summary>
    /// <remarks>
    /// The device has fallen out of the group, and rejoins, only where an epoch is seen that the log does not lead to.
    /// </remarks>
    /// <exception cref="MlsClientException"><see cref="ClientErrors.NoState"/>, or the service's refusal.</exception>
    public Task<SyncResult> SyncAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _serviceLog.SyncAsync(conversation, mayRejoin: true, cancellation),
            cancellation
        );

    /// <summary>
    /// Sends an application message. The message key is gone from the store before the message leaves.
    /// </summary>
    /// <exception cref="MlsClientException">
    /// The device is not in the group, or the service refused the message.
    /// </exception>
    public Task<Recorded> SendAsync(
        string conversationId,
        ReadOnlyMemory<byte> data,
        CancellationToken cancellation = default
    ) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _messages.SendAsync(conversation, data, cancellation),
            cancellation
        );

    /// <summary>
    /// Renews the device's keys along its path (RFC 9420 §12.1.2), which heals the group after a compromise of this
    /// device.
    /// </summary>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<Recorded> UpdateAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _commits.CommitAsync(conversation, static _ => new(), send: null, cancellation),
            cancellation
        );

    /// <summary>Adds all devices of accounts that have a key package to give.</summary>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.NothingToDo"/> where no device can be added; or the service's refusal.
    /// </exception>
    public Task<Recorded> AddMembersAsync(
        string conversationId,
        IReadOnlyList<string> dids,
        CancellationToken cancellation = default
    ) => _members.AddAsync(conversationId, dids, cancellation);

    /// <summary>
    /// Removes all devices of another account. Only admins may remove a member; an account that has left, any member
    /// may remove.
    /// </summary>
    /// <exception cref="MlsClientException">
    /// The service's refusal, such as <c>NotAdmin</c>; <see cref="ClientErrors.NothingToDo"/> where the account has no
    /// device in the group.
    /// </exception>
    public Task<Recorded> RemoveMemberAsync(
        string conversationId,
        string did,
        CancellationToken cancellation = default
    ) =>
        did == _options.Did
            ? throw new ArgumentException("To go oneself there is LeaveAsync.", nameof(did))
            : _gate.EnterAsync(
                conversationId,
                conversation => _members.RemoveAsync(conversation, did, cancellation),
                cancellation
            );

    /// <summary>
    /// Leaves a conversation with all devices of the account. The leave counts at once; the leaves of the devices go
    /// with the next commit of a member. What the device knows of the conversation is forgotten.
    /// </summary>
    /// <returns>From when the time to come back (<see cref="RejoinAsync"/>) is counted.</returns>
    /// <exception cref="MlsClientException">
    /// The service's refusal, such as <c>LastMember</c>: then nothing has changed.
    /// </exception>
    public Task<DateTimeOffset> LeaveAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _departure.LeaveAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>Makes a member an admin.</summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task PromoteAdminAsync(string conversationId, string did, CancellationToken cancellation = default) =>
        _roles.PromoteAdminAsync(conversationId, did, cancellation);

    /// <summary>Makes an admin a member like others. The last admin stays an admin.</summary>
    /// <exception cref="MlsClientException">
    /// The service's refusal, such as <c>NotAdmin</c> or <c>LastAdmin</c>.
    /// </exception>
    public Task DemoteAdminAsync(string conversationId, string did, CancellationToken cancellation = default) =>
        _roles.DemoteAdminAsync(conversationId, did, cancellation);

    /// <summary>
    /// Keeps an account out of the conversation, whether it is a member or not: from now on it gets nothing of the
    /// conversation and sends nothing to it. Its leaves go with the next commit of a member.
    /// </summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="did">Another account than the device's own.</param>
    /// <param name="reason">For the service's audit log.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task BanMemberAsync(
        string conversationId,
        string did,
        string? reason = null,
        CancellationToken cancellation = default
    ) => _roles.BanAsync(conversationId, did, reason, cancellation);

    /// <summary>
    /// Ends a ban. An account whose leaves were removed is no member until it is added (<see cref="AddMembersAsync"/>).
    /// </summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="did">The account.</param>
    /// <param name="reason">For the service's audit log.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task UnbanMemberAsync(
        string conversationId,
        string did,
        string? reason = null,
        CancellationToken cancellation = default
    ) => _roles.UnbanAsync(conversationId, did, reason, cancellation);

    /// <summary>
    /// Adds devices of members again that have asked for it, because external commits are off for them or fail.
    /// <see cref="ConversationEvents.FollowAsync"/> does it by itself.
    /// </summary>
    /// <remarks>
    /// A client does not add an account that has no device in the group, whatever the service says: that is for
    /// <see cref="AddMembersAsync"/>.
    /// </remarks>
    /// <returns>False where nobody waits, or others have answered.</returns>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<bool> AnswerRejoinRequestsAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _answers.AnswerAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>
    /// Lets another device of the account into a conversation that requires approval
    /// (<see cref="MlsClientOptions.RequireDeviceApproval"/>): for one join, and while this device is in.
    /// </summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="deviceId">The other device.</param>
    /// <param name="signatureKey">
    /// The other device's <see cref="SignatureKeyAsync"/>, taken from the device itself, such as by a QR code: never
    /// from the service, which has what the account's server enrolled.
    /// </param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>From when the other device may join.</returns>
    /// <exception cref="MlsClientException">
    /// The service's refusal, such as <c>InvalidRequest</c> where that key is not enrolled for the device.
    /// </exception>
    public Task<DateTimeOffset> ApproveDeviceAsync(
        string conversationId,
        string deviceId,
        ReadOnlyMemory<byte> signatureKey,
        CancellationToken cancellation = default
    ) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _approvals.ApproveAsync(conversation, deviceId, signatureKey, cancellation),
            cancellation
        );

    /// <summary>
    /// Changes whether the conversation requires approval of new devices. Only admins may, and once in an epoch.
    /// </summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task SetDeviceApprovalAsync(
        string conversationId,
        bool required,
        CancellationToken cancellation = default
    ) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _approvals.SetRequiredAsync(conversation, required, cancellation),
            cancellation
        );

    /// <summary>
    /// The public signature key with which this device joins a conversation, for another device that approves it. The
    /// key is enrolled at the service.
    /// </summary>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<byte[]> SignatureKeyAsync(string conversationId, CancellationToken cancellation = default) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _approvals.SignatureKeyAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>Accepts the Welcomes that wait, and synchronises every conversation that the device is in.</summary>
    internal Task<IReadOnlyList<(SyncResult? Sync, MlsClientException? Failure)>> SyncAllAsync(
        CancellationToken cancellation
    ) => _all.SyncAsync(cancellation);

    /// <summary>Takes an entry of the log that an event brought, if it is the next one.</summary>
    /// <returns>What the entry brought; null where it is not the next one.</returns>
    internal Task<SyncResult?> TakeNextAsync(
        string conversationId,
        MessageView entry,
        CancellationToken cancellation
    ) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _serviceLog.TakeNextAsync(conversation, entry, cancellation),
            cancellation
        );

    /// <summary>Whether there is nothing to take of an entry of the log.</summary>
    internal Task<bool> HasTakenAsync(string conversationId, long seq, CancellationToken cancellation) =>
        _gate.EnterAsync(
            conversationId,
            conversation => Task.FromResult(LogFollowing.HasTaken(conversation, seq)),
            cancellation
        );

    /// <summary>Joins after another device has approved this one.</summary>
    internal Task<SyncResult?> JoinApprovedAsync(string conversationId, CancellationToken cancellation) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _rejoining.RejoinApprovedAsync(conversation, cancellation),
            cancellation
        );

    /// <summary>Removes the leaves that the service asks the members to remove.</summary>
    internal Task RemovePendingAsync(string conversationId, CancellationToken cancellation) =>
        _gate.EnterAsync(
            conversationId,
            conversation => _members.RemovePendingAsync(conversation, cancellation),
            cancellation
        );
}
