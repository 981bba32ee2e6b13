using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Approvals;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Groups;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Rejoins;

public sealed record RequestRejoinInput(
    string ConvoId,
    ReadOnlyMemory<byte> KeyPackage,
    string? Reason,
    string? IdempotencyKey
);

/// <param name="Pending">Whether it waits for a member; false if the device has been added meanwhile, or the request has expired.</param>
public sealed record RequestRejoinResult(string RequestId, bool Pending);

/// <param name="KeyPackage">MLSMessage; an Add of it answers the request.</param>
public sealed record RejoinRequestView(
    string RequestId,
    string Did,
    string DeviceId,
    byte[] KeyPackage,
    string? Reason,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt
);

/// <summary>The way back that needs a member who is online: a device asks with a key package, a member commits Remove and Add, a Welcome follows.</summary>
public sealed class RejoinRequests
{
    /// <summary>Most requests of one answer.</summary>
    public const int MaxRequests = 100;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly PublicGroups _groups;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal RejoinRequests(
        CallRunner calls,
        Database database,
        PublicGroups groups,
        CoreSettings settings,
        TimeProvider clock
    ) => (_calls, _database, _groups, _settings, _clock) = (calls, database, groups, settings, clock);

    /// <summary>Asks the members to add a device of the caller again. A new request of a device takes the place of its open one; the same key package is the same request.</summary>
    /// <exception cref="RefusedException">Unauthorized: who may not join by external commit may not ask either, and so with DeviceNotApproved. InvalidKeyPackage.</exception>
    public Task<RequestRejoinResult> RejoinAsync(
        Caller caller,
        RequestRejoinInput input,
        CancellationToken cancellation
    )
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

    /// <summary>The requests that a member's commit may answer, oldest first.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public async Task<IReadOnlyList<RejoinRequestView>> GetRejoinRequestsAsync(
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
                .Select(request => new RejoinRequestView(
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

    /// <summary>In the list of an epoch: a device that has a new leaf asks no more.</summary>
    internal static void Answer(Statements statements, string convoId, IEnumerable<Device> devices, DateTimeOffset now)
    {
        foreach (var device in devices)
            statements.Add(
                $"UPDATE rejoin_requests SET answered_at = {now.ToUnixTimeMilliseconds()} WHERE convo_id = {convoId} AND device_row = {device.Id} AND answered_at IS NULL"
            );
    }

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

    private async Task<RequestRejoinResult> StoreAsync(
        MlsDbContext write,
        RequestRejoinInput input,
        Device device,
        KeyPackage package,
        long? approvedBy,
        DateTimeOffset now
    )
    {
        string id = input.ConvoId;
        // The device asks no second time meanwhile.
        await Conversation.HoldAsync(write, id);
        var reference = package.Reference.ToArray();
        var same = await write
            .Set<RejoinRequest>()
            .AsNoTracking()
            .FirstOrDefaultAsync(request =>
                request.ConvoId == id
                && request.DeviceRow == device.Id
                && write.Set<KeyPackageRow>().Any(row => row.Reference == reference && row.Id == request.KeyPackageRow)
            );
        if (same is not null)
            return new(same.Id, same.AnsweredAt is null && same.ExpiresAt > now);

        var bytes = MlsMessage.Of(UnverifiedKeyPackage.Decode(package.Encoded)).Encode();
        long until = package.NotAfter.ToUnixTimeMilliseconds();
        // One that was published before is taken out of the store, so that it is used once.
        var taken = await write
            .Database.SqlQuery<long>(
                $"""
                INSERT INTO key_packages (device_row, reference, cipher_suite, key_package, last_resort, not_after, claimed_at)
                VALUES ({device.Id}, {reference}, {(int)
                    package.CipherSuite}, {bytes}, FALSE, {until}, {now.ToUnixTimeMilliseconds()})
                ON CONFLICT (reference) DO UPDATE SET claimed_at = excluded.claimed_at WHERE key_packages.claimed_at IS NULL AND key_packages.device_row = excluded.device_row
                RETURNING id AS "Value"
                """
            )
            .ToListAsync();
        if (taken is not [var row])
            throw Refusal.InvalidKeyPackage(DeliveryRules.KeyPackageUsed.Id).AsException();
        await write
            .Set<RejoinRequest>()
            .Where(request => request.ConvoId == id && request.DeviceRow == device.Id && request.AnsweredAt == null)
            .ExecuteDeleteAsync();
        var expires = now + _settings.RejoinRequestLifetime;
        var request = new RejoinRequest
        {
            Id = Guid.CreateVersion7(now).ToString("N"),
            ConvoId = id,
            DeviceRow = device.Id,
            KeyPackageRow = row,
            ApprovedBy = approvedBy,
            Reason = input.Reason,
            CreatedAt = now,
            ExpiresAt = package.NotAfter < expires ? package.NotAfter : expires,
        };
        write.Add(request);
        write.AddEvent(OutboxEvent.RejoinRequested(id, device.Did, device.DeviceId, request.Id, now));
        return new(request.Id, true);
    }
}
