using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Rejoins;

/// <summary>The input of rejoin.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="KeyPackage">The key package with which the members are asked to add the device.</param>
/// <param name="Reason">The reason, for the members and the audit log; null if there is none.</param>
/// <param name="IdempotencyKey">The caller's key for retries; without a key a retry is carried out again.</param>
public sealed record NewRejoinRequest(
    string ConvoId,
    ReadOnlyMemory<byte> KeyPackage,
    string? Reason,
    string? IdempotencyKey
);

/// <summary>The answer to rejoin.</summary>
/// <param name="RequestId">The id of the request, which the members' commit names.</param>
/// <param name="Pending">
/// Whether the request waits for a member; false if the device has been added meanwhile, or the request has expired.
/// </param>
public sealed record RequestRejoinResult(string RequestId, bool Pending);

/// <summary>A request of a device to be added again, as members see it.</summary>
/// <param name="RequestId">The id of the request, which the members' commit names.</param>
/// <param name="Did">The account of the device.</param>
/// <param name="DeviceId">The device, by the id that its account gave it.</param>
/// <param name="KeyPackage">The key package as an MLSMessage; an Add of this key package answers the request.</param>
/// <param name="Reason">The reason that the device gave; null if it gave none.</param>
/// <param name="CreatedAt">When the request was made.</param>
/// <param name="ExpiresAt">From when on the request is not open any more.</param>
public sealed record RejoinRequestDetails(
    string RequestId,
    string Did,
    string DeviceId,
    byte[] KeyPackage,
    string? Reason,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt
);

/// <summary>
/// The way back into a conversation that needs a member who is online (delivery-service §9): a device asks with a key
/// package, a member commits the Remove and the Add of the device, and the device gets a Welcome.
/// </summary>
public sealed class RejoinRequests
{
    /// <summary>The largest number of requests in one answer.</summary>
    public const int MaxRequests = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly ExternalCommitsFlag _flag;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal RejoinRequests(
        CallRunner calls,
        Database database,
        PublicGroups groups,
        ExternalCommitsFlag flag,
        CoreSettings settings,
        TimeProvider clock
    ) => (_calls, _database, _groups, _flag, _settings, _clock) = (calls, database, groups, flag, settings, clock);

    /// <summary>
    /// Asks the members to add a device of the caller again. A new request of a device takes the place of its open
    /// request; a request with the same key package is the same request.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized or DeviceNotApproved: the account or the device may not join by an external commit, so it may not
    /// ask either. InvalidKeyPackage: the key package breaks a rule, is not of a device of the caller, or was given out
    /// before. IdempotencyConflict.
    /// </exception>
    public Task<RequestRejoinResult> RejoinAsync(Caller caller, NewRejoinRequest input, CancellationToken cancellation)
    {
        var call = Call.Procedure(
            caller,
            MethodNames.Rejoin,
            input.ConvoId,
            input.IdempotencyKey,
            input.ConvoId,
            input.KeyPackage
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                var now = _clock.GetUtcNow();
                await using var context = _database.Read();
                // The flag refuses no request; it says whether the device asks because external commits are off for it.
                await _flag.IsOnForAsync(caller);
                var access = await Access.RequireJoinerAsync(
                    context,
                    caller,
                    input.ConvoId,
                    now,
                    _settings,
                    cancellation
                );
                var verified = VerifiedKeyPackage.Verify(new(input.KeyPackage, false), now);
                if (verified.Package.CipherSuite != access.Conversation.CipherSuite)
                    throw Refusal.InvalidKeyPackage(Rules.KeyPackageCipherSuite.Id).AsException();
                var identity = verified.Package.LeafNode.Credential;
                var device =
                    access.Devices.FirstOrDefault(device =>
                        identity.Type == CredentialType.Basic && identity.Identity.Span.SequenceEqual(device.Identity)
                    ) ?? throw Refusal.InvalidKeyPackage(DeliveryRules.KeyPackageIdentity.Id).AsException();
                verified.RequireOwner(device);
                long? approvedBy = await RequireApprovedAsync(
                    context,
                    access,
                    device,
                    verified.Package.LeafNode,
                    cancellation
                );
                return Changes.InTransaction(async write => new CallResult<RequestRejoinResult>(
                    await StoreAsync(write, input, device, verified.Package, approvedBy, now),
                    Reason: input.Reason
                ));
            },
            cancellation
        );
    }

    /// <summary>The open requests of a conversation, oldest first, at most <see cref="MaxRequests"/>.</summary>
    /// <exception cref="RefusedException">Unauthorized: the caller is not a member.</exception>
    public async Task<IReadOnlyList<RejoinRequestDetails>> GetRejoinRequestsAsync(
        Caller caller,
        string convoId,
        CancellationToken cancellation
    )
    {
        await using var context = _database.Read();
        await _calls.AskAsync(
            Call.Query(caller, MethodNames.GetRejoinRequests, convoId),
            () => Access.RequireMemberAsync(context, caller, convoId, cancellation)
        );
        var open = await OpenRejoinRequest.FindAsync(
            context,
            convoId,
            null,
            _clock.GetUtcNow(),
            _settings.RejoinGracePeriod,
            cancellation
        );
        return
        [
            .. open.Take(MaxRequests)
                .Select(request => new RejoinRequestDetails(
                    request.Id,
                    request.Did,
                    request.DeviceId,
                    request.KeyPackage,
                    request.Reason,
                    request.CreatedAt,
                    request.ExpiresAt
                )),
        ];
    }

    /// <summary>
    /// Adds to the list of an epoch that the open requests of devices which have a new leaf are answered.
    /// </summary>
    internal static void Answer(Statements statements, string convoId, IEnumerable<Device> devices, DateTimeOffset now)
    {
        foreach (var device in devices)
            statements.Add(
                $"""
                UPDATE rejoin_requests SET answered_at = {now.ToUnixTimeMilliseconds()}
                WHERE convo_id = {convoId} AND device_row = {device.Id} AND answered_at IS NULL
                """
            );
    }

    /// <summary>Refuses a device that needs an approval for the signature key of its new leaf and has none.</summary>
    /// <returns>The row of the device that gave the approval; null where no approval was needed.</returns>
    /// <exception cref="RefusedException">DeviceNotApproved</exception>
    private async Task<long?> RequireApprovedAsync(
        MlsDbContext context,
        Access access,
        Device device,
        LeafNode leaf,
        CancellationToken cancellation
    )
    {
        if (!access.Conversation.RequiresApproval)
            return null;
        var group = await _groups.GetAsync(access.Conversation, cancellation);
        return await ApprovalRequirement.RequireAsync(
            context,
            access,
            device,
            leaf.SignatureKey,
            GroupLeaves.LeafOf(group, device) is { } own ? group.Leaf(own) : null,
            cancellation
        );
    }

    /// <summary>
    /// Stores a request and takes its key package out of the store, unless the request is stored already.
    /// </summary>
    /// <exception cref="RefusedException">InvalidKeyPackage: the key package was given out before.</exception>
    private async Task<RequestRejoinResult> StoreAsync(
        MlsDbContext write,
        NewRejoinRequest input,
        Device device,
        KeyPackage package,
        long? approvedBy,
        DateTimeOffset now
    )
    {
        string convoId = input.ConvoId;
        // With the lock on the conversation's row, no second request of the device is stored meanwhile.
        await Conversation.HoldAsync(write, convoId);
        var reference = package.Reference.ToArray();
        var same = await write
            .Set<RejoinRequest>()
            .AsNoTracking()
            .FirstOrDefaultAsync(request =>
                request.ConvoId == convoId
                && request.DeviceRow == device.Id
                && write.Set<KeyPackageRow>().Any(row => row.Reference == reference && row.Id == request.KeyPackageRow)
            );
        if (same is not null)
            return new(same.Id, same.AnsweredAt is null && same.ExpiresAt > now);

        long keyPackageRow = await TakeKeyPackageAsync(write, device, package, now);
        await write
            .Set<RejoinRequest>()
            .Where(request =>
                request.ConvoId == convoId && request.DeviceRow == device.Id && request.AnsweredAt == null
            )
            .ExecuteDeleteAsync();
        var expires = now + _settings.RejoinRequestLifetime;
        var request = new RejoinRequest
        {
            Id = Guid.CreateVersion7(now).ToString("N"),
            ConvoId = convoId,
            DeviceRow = device.Id,
            KeyPackageRow = keyPackageRow,
            ApprovedBy = approvedBy,
            Reason = input.Reason,
            CreatedAt = now,
            ExpiresAt = package.NotAfter < expires ? package.NotAfter : expires,
        };
        write.Add(request);
        write.AddEvent(OutboxEvent.RejoinRequested(convoId, device.Did, device.DeviceId, request.Id, now));
        return new(request.Id, true);
    }

    /// <summary>
    /// Stores a key package as one that has been given out. A key package that was published before is taken out of the
    /// store, so that it is used only once.
    /// </summary>
    /// <returns>The row of the key package.</returns>
    /// <exception cref="RefusedException">
    /// InvalidKeyPackage: the key package was given out before, or is of another device.
    /// </exception>
    private static async Task<long> TakeKeyPackageAsync(
        MlsDbContext write,
        Device device,
        KeyPackage package,
        DateTimeOffset now
    )
    {
        var reference = package.Reference.ToArray();
        int cipherSuite = (int)package.CipherSuite;
        var bytes = MlsMessage.Of(UnverifiedKeyPackage.Decode(package.Encoded)).Encode();
        long notAfter = package.NotAfter.ToUnixTimeMilliseconds(),
            claimedAt = now.ToUnixTimeMilliseconds();
        var taken = await write
            .Database.SqlQuery<long>(
                $"""
                INSERT INTO key_packages
                    (device_row, reference, cipher_suite, key_package, last_resort, not_after, claimed_at)
                VALUES ({device.Id}, {reference}, {cipherSuite}, {bytes}, FALSE, {notAfter}, {claimedAt})
                ON CONFLICT (reference) DO UPDATE SET claimed_at = excluded.claimed_at
                WHERE key_packages.claimed_at IS NULL AND key_packages.device_row = excluded.device_row
                RETURNING id AS "Value"
                """
            )
            .ToListAsync();
        return taken is [var row]
            ? row
            : throw Refusal.InvalidKeyPackage(DeliveryRules.KeyPackageUsed.Id).AsException();
    }
}
