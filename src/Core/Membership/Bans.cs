using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>The input of banMember and unbanMember.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Target">The account, which need not be a member.</param>
/// <param name="Reason">The caller's reason, for the audit log; null if there is none.</param>
/// <param name="IdempotencyKey">The caller's key for retries; without a key a retry is carried out again.</param>
public sealed record SetBanRequest(string ConvoId, Did Target, string? Reason, string? IdempotencyKey);

/// <summary>The answer to banMember and unbanMember.</summary>
/// <param name="IsBanned">
/// Whether the target is banned from the conversation now, or from the whole service.
/// </param>
public sealed record SetBanResult(bool IsBanned);

/// <summary>
/// Bans accounts (delivery-service §10.3): from a conversation, as its admins want, or from the service, as its
/// operator wants. A ban is in force from its transaction on, on every host.
/// </summary>
public sealed class Bans
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly AuditLog _audit;
    private readonly TimeProvider _clock;

    internal Bans(CallRunner calls, Database database, AuditLog audit, TimeProvider clock) =>
        (_calls, _database, _audit, _clock) = (calls, database, audit, clock);

    /// <summary>
    /// Bans an account from a conversation. The account is no admin any more, and its leaves wait for their removal.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, NotAdmin, IdempotencyConflict, or InvalidRequest: the target is the caller's own account.
    /// </exception>
    public Task<SetBanResult> BanMemberAsync(Caller caller, SetBanRequest input, CancellationToken cancellation) =>
        SetAsync(
            caller,
            MethodNames.BanMember,
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

    /// <summary>
    /// Ends a ban from a conversation. An account whose leaves are still in the tree is a member as before, but no
    /// admin; an account whose leaves were removed has to be added again.
    /// </summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, NotAdmin, IdempotencyConflict, or InvalidRequest: the target is the caller's own account.
    /// </exception>
    public Task<SetBanResult> UnbanMemberAsync(Caller caller, SetBanRequest input, CancellationToken cancellation) =>
        SetAsync(
            caller,
            MethodNames.UnbanMember,
            input,
            async (write, did, now) =>
            {
                if (await EndAsync(write, did, input.ConvoId))
                    write.AddEvent(OutboxEvent.Membership(input.ConvoId, did, MembershipChange.Unbanned, now));
            },
            cancellation
        );

    /// <summary>
    /// Bans an account from the service: the account has no part in any conversation any more and starts none. A
    /// repeated call does again what a fault may have left undone.
    /// </summary>
    /// <param name="actor">An admin of the console.</param>
    /// <param name="target">The account; it need not be known to the service.</param>
    /// <param name="reason">The operator's reason, for the audit log; null if there is none.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <returns>False if the account was banned from the service before.</returns>
    /// <exception cref="RefusedException">Forbidden.</exception>
    public async Task<bool> BanAccountAsync(Actor actor, Did target, string? reason, CancellationToken cancellation)
    {
        bool added = await OperateAsync(actor, "banAccount", target, reason, AddServiceBanAsync, cancellation);
        // This transaction begins after that of the ban, so it sees every leaf that the account will ever have.
        await _database.WriteAsync(write => ShutOutOfServiceAsync(write, target.Value), cancellation);
        return added;
    }

    /// <summary>
    /// Stores a ban from the service, tells the account's conversations, and deletes the account's tickets.
    /// </summary>
    /// <returns>False if there was a ban from the service before.</returns>
    private static async Task<bool> AddServiceBanAsync(MlsDbContext write, string did, DateTimeOffset now)
    {
        // The transaction of an epoch that gives a device a leaf locks the row of the device (by the foreign key), and
        // asks for bans afterwards. So it has either ended when this statement has its locks, or it waits for the end
        // of this transaction and then sees the ban.
        if (write.Database.IsNpgsql())
            await write.Database.ExecuteSqlAsync($"SELECT 1 FROM devices WHERE did = {did} ORDER BY id FOR UPDATE");
        // The conversations are read before the ban is stored: a banned account counts as a member of none.
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
    }

    /// <summary>Shuts an account that is banned from the service out of all its conversations.</summary>
    /// <returns>False if the account is not banned from the service any more; then nothing is done.</returns>
    private async Task<bool> ShutOutOfServiceAsync(MlsDbContext write, string did)
    {
        if (!await write.IsBannedAsync(did, Ban.FromService, CancellationToken.None))
            return false;
        var now = _clock.GetUtcNow();
        var convos = await write
            .Set<RosterEntry>()
            .Where(entry => entry.Did == did && entry.State == RosterState.Member)
            .Select(entry => entry.ConvoId)
            .ToListAsync();
        var convosWithLeaves = await LeavesOf(write, did).Select(leaf => leaf.ConvoId).ToListAsync();
        await ShutOutAsync(write, did, [.. convos.Union(convosWithLeaves)], now);
        foreach (string convo in convos)
            await Admins.KeepOneAsync(write, convo, now);
        return true;
    }

    /// <summary>Ends a ban from the service. Bans of the account from conversations stay.</summary>
    /// <param name="actor">An admin of the console.</param>
    /// <param name="target">The account.</param>
    /// <param name="reason">The operator's reason, for the audit log; null if there is none.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <returns>False if the account was not banned from the service.</returns>
    public Task<bool> UnbanAccountAsync(Actor actor, Did target, string? reason, CancellationToken cancellation) =>
        OperateAsync(
            actor,
            "unbanAccount",
            target,
            reason,
            async (write, did, now) =>
            {
                if (!await EndAsync(write, did, Ban.FromService))
                    return false;
                var convos = await write
                    .Members()
                    .Where(entry => entry.Did == did)
                    .Select(entry => entry.ConvoId)
                    .ToListAsync();
                foreach (string convo in convos)
                    write.AddEvent(OutboxEvent.Membership(convo, did, MembershipChange.Unbanned, now));
                return true;
            },
            cancellation
        );

    /// <summary>Bans an account from a conversation, or ends a ban, if the caller is an admin.</summary>
    /// <param name="caller">The admin.</param>
    /// <param name="method">One of <see cref="MethodNames"/>.</param>
    /// <param name="input">The conversation, the account and the reason.</param>
    /// <param name="change">Writes the change for the account that is given by its DID.</param>
    /// <param name="cancellation">Ends the decision, not the write.</param>
    private Task<SetBanResult> SetAsync(
        Caller caller,
        string method,
        SetBanRequest input,
        Func<MlsDbContext, string, DateTimeOffset, Task> change,
        CancellationToken cancellation
    )
    {
        string convoId = input.ConvoId,
            target = input.Target.Value;
        var call = Call.Procedure(caller, method, $"{convoId} {target}", input.IdempotencyKey, convoId, target);
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, convoId, cancellation);
                if (!access.Entry.IsAdmin)
                    throw Refusal.NotAdmin.AsException();
                // An admin cannot ban itself, so at least one admin is left: the one who bans.
                if (target == caller.Did.Value)
                    throw Refusal.InvalidRequest("targetDid is another account than the caller's.").AsException();
                return Changes.InTransaction(async write =>
                {
                    // The lock on the conversation's row puts two admins who ban each other in an order: the second is
                    // no admin any more when the row is free.
                    await Conversation.HoldAsync(write, convoId);
                    if (
                        !await write
                            .Members()
                            .AnyAsync(entry =>
                                entry.ConvoId == convoId && entry.Did == caller.Did.Value && entry.IsAdmin
                            )
                    )
                        throw Refusal.NotAdmin.AsException();
                    await change(write, target, _clock.GetUtcNow());
                    return new CallResult<SetBanResult>(
                        new(await write.IsBannedAsync(target, convoId, CancellationToken.None)),
                        Reason: input.Reason
                    );
                });
            },
            cancellation
        );
    }

    /// <summary>Writes a change that the operator wants, with its audit entry, in one transaction.</summary>
    /// <returns>Whether the change has changed anything; the audit entry is written in any case.</returns>
    private async Task<bool> OperateAsync(
        Actor actor,
        string action,
        Did target,
        string? reason,
        Func<MlsDbContext, string, DateTimeOffset, Task<bool>> change,
        CancellationToken cancellation
    )
    {
        actor.Require(ConsoleRole.Admin);
        var now = _clock.GetUtcNow();
        var entry = new AuditEntry
        {
            At = now,
            Actor = actor.Name,
            Action = action,
            Subject = target.Value,
            Outcome = RequestOutcomes.Accepted,
            Reason = reason,
            CorrelationId = Guid.CreateVersion7(now).ToString("N"),
        };
        bool changed = await _database.WriteAsync(
            write =>
            {
                // A copy: the database gives it an id, and gives another one if the transaction has to be run again.
                write.Add(entry with { });
                return change(write, target.Value, now);
            },
            cancellation
        );
        _audit.Announce(entry);
        return changed;
    }

    /// <summary>Stores a ban.</summary>
    /// <returns>False if the account had the same ban before.</returns>
    private static async Task<bool> AddAsync(MlsDbContext write, string did, string convoId, DateTimeOffset now) =>
        await write.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO bans (did, convo_id, created_at) VALUES ({did}, {convoId}, {now.ToUnixTimeMilliseconds()})
            ON CONFLICT (did, convo_id) DO NOTHING
            """
        ) == 1;

    /// <summary>
    /// Shuts an account out of conversations: the account is no admin any more, its leaves wait for their removal,
    /// and its Welcomes and event streams end. The members are asked to remove the leaves where the service cannot
    /// propose that.
    /// </summary>
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
        var convosWithLeaves = await LeavesOf(write, did)
            .Where(leaf => convos.Contains(leaf.ConvoId))
            .Join(
                write.Set<Conversation>(),
                leaf => leaf.ConvoId,
                convo => convo.Id,
                (_, convo) =>
                    new
                    {
                        convo.Id,
                        convo.Epoch,
                        convo.SignatureKeyId,
                    }
            )
            .Distinct()
            .ToListAsync();
        foreach (var convo in convosWithLeaves)
        {
            // The leaves of an account that left before the ban wait for their removal already.
            await write.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO pending_removals (convo_id, did, kind) VALUES ({convo.Id}, {did}, {(int)PendingKind.Ban})
                ON CONFLICT (convo_id, did) DO NOTHING
                """
            );
            // Where the group lists a key of the service, the service itself proposes the removal (RemovalProposals).
            if (convo.SignatureKeyId is null)
                write.AddEvent(OutboxEvent.RemovalRequested(convo.Id, did, convo.Epoch, now));
        }
        await WelcomeRecipient.EndAsync(write, did, convos, "The account was banned.", now);
        write.AddEvent(OutboxEvent.SubscriptionsEnded(did, now));
    }

    /// <summary>
    /// Deletes a ban. The account's leaves do not wait for their removal any more, unless another ban or the account's
    /// own leaving demands the removal.
    /// </summary>
    /// <returns>False if there was no such ban.</returns>
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

    /// <summary>The leaves of an account's devices, with deleted devices, in all conversations.</summary>
    private static IQueryable<Leaf> LeavesOf(MlsDbContext write, string did) =>
        write
            .Set<Device>()
            .Where(device => device.Did == did)
            .Join(write.Set<Leaf>(), device => device.Id, leaf => leaf.DeviceRow, (_, leaf) => leaf);
}
