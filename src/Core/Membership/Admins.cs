using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>The input of promoteAdmin and demoteAdmin.</summary>
/// <param name="ConvoId">The conversation.</param>
/// <param name="Target">The member that becomes an admin, or is no admin any more.</param>
/// <param name="Reason">The caller's reason, for the audit log; null if there is none.</param>
/// <param name="IdempotencyKey">The caller's key for retries; without a key a retry is carried out again.</param>
public sealed record SetAdminRequest(string ConvoId, Did Target, string? Reason, string? IdempotencyKey);

/// <summary>The answer to promoteAdmin and demoteAdmin.</summary>
/// <param name="IsAdmin">Whether the target is an admin now.</param>
public sealed record SetAdminResult(bool IsAdmin);

/// <summary>
/// The admins of conversations (delivery-service §10.5). The creator of a conversation is its first admin, and admins
/// make other members admins. A conversation always has at least one admin.
/// </summary>
public sealed class Admins
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal Admins(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>Makes a member an admin.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, NotAdmin, IdempotencyConflict, or InvalidRequest: the target is not a member.
    /// </exception>
    public Task<SetAdminResult> PromoteAdminAsync(
        Caller caller,
        SetAdminRequest input,
        CancellationToken cancellation
    ) => SetAsync(caller, MethodNames.PromoteAdmin, input, true, cancellation);

    /// <summary>Makes an admin a member like others.</summary>
    /// <exception cref="RefusedException">
    /// Unauthorized, NotAdmin, IdempotencyConflict, LastAdmin: the target is the only admin, or InvalidRequest: the
    /// target is not a member.
    /// </exception>
    public Task<SetAdminResult> DemoteAdminAsync(
        Caller caller,
        SetAdminRequest input,
        CancellationToken cancellation
    ) => SetAsync(caller, MethodNames.DemoteAdmin, input, false, cancellation);

    private Task<SetAdminResult> SetAsync(
        Caller caller,
        string method,
        SetAdminRequest input,
        bool admin,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            method,
            input.ConvoId,
            input.IdempotencyKey,
            input.ConvoId,
            input.Target.Value
        );
        return _calls.RunAsync(
            call,
            async () =>
            {
                await using var context = _database.Read();
                await Access.RequireMemberAsync(context, caller, input.ConvoId, cancellation);
                return Changes.InTransaction(async write => new CallResult<SetAdminResult>(
                    await SetAsync(write, caller, input, admin),
                    Reason: input.Reason
                ));
            },
            cancellation
        );
    }

    private async Task<SetAdminResult> SetAsync(MlsDbContext write, Caller caller, SetAdminRequest input, bool admin)
    {
        string convoId = input.ConvoId,
            target = input.Target.Value;
        // The lock keeps two admins from demoting each other at the same time, which would leave no admin.
        await Conversation.HoldAsync(write, convoId);
        var members = await write
            .Members()
            .AsTracking()
            .Where(row => row.ConvoId == convoId && (row.IsAdmin || row.Did == target))
            .ToListAsync();
        if (!members.Exists(row => row.Did == caller.Did.Value && row.IsAdmin))
            throw Refusal.NotAdmin.AsException();
        var entry =
            members.SingleOrDefault(row => row.Did == target)
            ?? throw Refusal.InvalidRequest("targetDid is not a member of the conversation.").AsException();
        if (entry.IsAdmin == admin)
            return new(admin);
        if (!admin && members.Count(row => row.IsAdmin) == 1)
            throw Refusal.LastAdmin.AsException();
        entry.IsAdmin = admin;
        write.AddEvent(
            OutboxEvent.Membership(
                convoId,
                target,
                admin ? MembershipChange.Promoted : MembershipChange.Demoted,
                _clock.GetUtcNow()
            )
        );
        return new(admin);
    }

    /// <summary>
    /// Makes the account that has been a member longest an admin, if the conversation has no admin any more.
    /// </summary>
    internal static async Task KeepOneAsync(MlsDbContext write, string convoId, DateTimeOffset now)
    {
        if (await write.Members().AnyAsync(row => row.ConvoId == convoId && row.IsAdmin))
            return;
        if (
            await write
                .Members()
                .AsTracking()
                .Where(row => row.ConvoId == convoId)
                .OrderBy(row => row.JoinedAt)
                .ThenBy(row => row.Did)
                .FirstOrDefaultAsync()
            is not { } next
        )
            return;
        next.IsAdmin = true;
        write.AddEvent(OutboxEvent.Membership(convoId, next.Did, MembershipChange.Promoted, now));
    }
}
