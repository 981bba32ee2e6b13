using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <param name="Target">A member or not.</param>
/// <param name="Reason">For the audit log.</param>
public sealed record SetBanInput(string ConvoId, Did Target, string? Reason, string? IdempotencyKey);

/// <param name="IsBanned">Whether the target may not take part now, be it for a ban from the service.</param>
public sealed record SetBanResult(bool IsBanned);

/// <summary>Keeps accounts out: of a conversation, at the wish of its admins, or of the service, at its operator's. What a ban denies, it denies from its transaction on, on every host.</summary>
public sealed class Bans
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;

    internal Bans(CallRunner calls, Database database, AuditLog audit, TimeProvider clock) =>
        (_calls, _database, _audit, _clock) = (calls, database, audit, clock);

    /// <summary>Bans an account from a conversation; it is an admin no more, and its leaves wait for their removal.</summary>
    /// <exception cref="RefusedException">Unauthorized, NotAdmin, or InvalidRequest: oneself.</exception>
    public Task<SetBanResult> BanMemberAsync(Caller caller, SetBanInput input, CancellationToken cancellation) =>
        SetAsync(
            caller,
            "banMember",
            input,
            async (write, did, now) =>
            {
                if (!await AddAsync(write, did, input.ConvoId, now))
                    return;
                write.AddEvent(OutboxEvent.Membership(input.ConvoId, did, MembershipChange.Banned, now));
                await ShutOutAsync(write, did, [input.ConvoId], now);
            },
            cancellation
        );

    /// <summary>Ends a ban from a conversation. Whose leaves are still in the tree is a member as before; who was removed may be added.</summary>
    /// <exception cref="RefusedException">Unauthorized, NotAdmin, or InvalidRequest: oneself.</exception>
    public Task<SetBanResult> UnbanMemberAsync(Caller caller, SetBanInput input, CancellationToken cancellation) =>
        SetAsync(
            caller,
            "unbanMember",
            input,
            async (write, did, now) =>
            {
                if (await EndAsync(write, did, input.ConvoId))
                    write.AddEvent(OutboxEvent.Membership(input.ConvoId, did, MembershipChange.Unbanned, now));
            },
            cancellation
        );

    /// <summary>Bans an account from the service: it has no part in any conversation and starts none. Again, it does again what a fault may have left undone.</summary>
    /// <returns>False if it was banned before.</returns>
    public async Task<bool> BanAccountAsync(Did target, string? reason, CancellationToken cancellation)
    {
        bool added = await OperateAsync(
            "banAccount",
            target,
            reason,
            async (write, did, now) =>
            {
                // An epoch that gives a device a leaf holds its row: it is over before this is, or sees the ban.
                if (write.Database.IsNpgsql())
                    await write.Database.ExecuteSqlAsync(
                        $"SELECT 1 FROM devices WHERE did = {did} ORDER BY id FOR UPDATE"
                    );
                var convos = await write
                    .Members()
                    .Where(entry => entry.Did == did)
                    .Select(entry => entry.ConvoId)
                    .ToListAsync();
                if (!await AddAsync(write, did, Ban.FromService, now))
                    return false;
                foreach (string convo in convos)
                    write.AddEvent(OutboxEvent.Membership(convo, did, MembershipChange.Banned, now));
                await write.Set<SubscriptionTicket>().Where(ticket => ticket.Did == did).ExecuteDeleteAsync();
                return true;
            },
            cancellation
        );
        // In a transaction that begins after the ban, and so sees every leaf that the account will ever have.
        await _database.WriteAsync(
            async write =>
            {
                string did = target.Value;
                if (!await write.IsBannedAsync(did, Ban.FromService, CancellationToken.None))
                    return false;
                var now = _clock.GetUtcNow();
                var convos = await write
                    .Set<RosterEntry>()
                    .Where(entry => entry.Did == did && entry.State == RosterState.Member)
                    .Select(entry => entry.ConvoId)
                    .ToListAsync();
                await ShutOutAsync(
                    write,
                    did,
                    [.. convos.Union(await SeatsOf(write, did).Select(seat => seat.ConvoId).ToListAsync())],
                    now
                );
                foreach (string convo in convos)
                    await Admins.KeepOneAsync(write, convo, now);
                return true;
            },
            cancellation
        );
        return added;
    }

    /// <summary>Ends a ban from the service; those from conversations stay.</summary>
    /// <returns>False if it was not banned.</returns>
    public Task<bool> UnbanAccountAsync(Did target, string? reason, CancellationToken cancellation) =>
        OperateAsync(
            "unbanAccount",
            target,
            reason,
            async (write, did, now) =>
            {
                if (!await EndAsync(write, did, Ban.FromService))
                    return false;
                foreach (
                    string convo in await write
                        .Members()
                        .Where(entry => entry.Did == did)
                        .Select(entry => entry.ConvoId)
                        .ToListAsync()
                )
                    write.AddEvent(OutboxEvent.Membership(convo, did, MembershipChange.Unbanned, now));
                return true;
            },
            cancellation
        );

    private Task<SetBanResult> SetAsync(
        Caller caller,
        string method,
        SetBanInput input,
        Func<MlsDbContext, string, DateTimeOffset, Task> change,
        CancellationToken cancellation
    )
    {
        string id = input.ConvoId,
            target = input.Target.Value;
        var call = Call.Procedure(caller, method, $"{id} {target}", input.IdempotencyKey, id, target);
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, id, cancellation);
                if (!access.Entry.IsAdmin)
                    throw Refusal.NotAdmin.AsException();
                // So there is an admin still: the one who bans.
                if (target == caller.Did.Value)
                    throw Refusal.InvalidRequest("targetDid is another account than the caller's.").AsException();
                return Changes.InTransaction(async write =>
                {
                    // It holds the conversation's row: of two admins who ban each other, the second is none any more.
                    await Conversation.HoldAsync(write, id);
                    if (
                        !await write
                            .Members()
                            .AnyAsync(entry => entry.ConvoId == id && entry.Did == caller.Did.Value && entry.IsAdmin)
                    )
                        throw Refusal.NotAdmin.AsException();
                    await change(write, target, _clock.GetUtcNow());
                    return new CallResult<SetBanResult>(
                        new(await write.IsBannedAsync(target, id, CancellationToken.None)),
                        Reason: input.Reason
                    );
                });
            },
            cancellation
        );
    }

    private async Task<bool> OperateAsync(
        string action,
        Did target,
        string? reason,
        Func<MlsDbContext, string, DateTimeOffset, Task<bool>> change,
        CancellationToken cancellation
    )
    {
        var now = _clock.GetUtcNow();
        var entry = new AuditEntry
        {
            At = now,
            Actor = AuditEntry.Operator,
            Action = action,
            Subject = target.Value,
            Outcome = RequestOutcomes.Accepted,
            Reason = reason,
            CorrelationId = Guid.CreateVersion7(now).ToString("N"),
        };
        bool changed = await _database.WriteAsync(
            write =>
            {
                write.Add(entry);
                return change(write, target.Value, now);
            },
            cancellation
        );
        _audit.Announce(entry);
        return changed;
    }

    private static async Task<bool> AddAsync(MlsDbContext write, string did, string convoId, DateTimeOffset now) =>
        await write.Database.ExecuteSqlAsync(
            $"INSERT INTO bans (did, convo_id, created_at) VALUES ({did}, {convoId}, {now.ToUnixTimeMilliseconds()}) ON CONFLICT (did, convo_id) DO NOTHING"
        ) == 1;

    /// <summary>Queues the removal of the account's leaves, asks the members for it where the service cannot propose it, and ends what is on its way to the account.</summary>
    private static async Task ShutOutAsync(
        MlsDbContext write,
        string did,
        IReadOnlyList<string> convos,
        DateTimeOffset now
    )
    {
        await write
            .Set<RosterEntry>()
            .Where(entry => convos.Contains(entry.ConvoId) && entry.Did == did && entry.IsAdmin)
            .ExecuteUpdateAsync(set => set.SetProperty(entry => entry.IsAdmin, false));
        var seats = await SeatsOf(write, did)
            .Where(seat => convos.Contains(seat.ConvoId))
            .Join(
                write.Set<Conversation>(),
                seat => seat.ConvoId,
                convo => convo.Id,
                (seat, convo) =>
                    new
                    {
                        convo.Id,
                        convo.Epoch,
                        convo.SignatureKeyId,
                    }
            )
            .Distinct()
            .ToListAsync();
        foreach (var convo in seats)
        {
            // Who left before waits for the same already.
            await write.Database.ExecuteSqlAsync(
                $"INSERT INTO pending_removals (convo_id, did, kind) VALUES ({convo.Id}, {did}, {(int)PendingKind.Ban}) ON CONFLICT (convo_id, did) DO NOTHING"
            );
            // Where the group lists the service, it proposes (RemovalProposals).
            if (convo.SignatureKeyId is null)
                write.AddEvent(OutboxEvent.RemovalRequested(convo.Id, did, convo.Epoch, now));
        }
        await WelcomeRecipient.EndAsync(write, did, convos, "The account was banned.", now);
        write.AddEvent(OutboxEvent.SubscriptionsEnded(did, now));
    }

    private static async Task<bool> EndAsync(MlsDbContext write, string did, string convoId)
    {
        if (await write.Set<Ban>().Where(ban => ban.Did == did && ban.ConvoId == convoId).ExecuteDeleteAsync() == 0)
            return false;
        var bans = write.Set<Ban>().Where(ban => ban.Did == did);
        var pending = write
            .Set<PendingRemoval>()
            .Where(row =>
                row.Did == did
                && row.Kind == PendingKind.Ban
                && !bans.Any(ban => ban.ConvoId == Ban.FromService || ban.ConvoId == row.ConvoId)
            );
        await (
            convoId == Ban.FromService ? pending : pending.Where(row => row.ConvoId == convoId)
        ).ExecuteDeleteAsync();
        return true;
    }

    private static IQueryable<Leaf> SeatsOf(MlsDbContext write, string did) =>
        write
            .Set<Device>()
            .Where(device => device.Did == did)
            .Join(write.Set<Leaf>(), device => device.Id, leaf => leaf.DeviceRow, (_, leaf) => leaf);
}
