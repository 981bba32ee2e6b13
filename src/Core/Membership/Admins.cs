using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <param name="Reason">For the audit log.</param>
public sealed record SetAdminInput(string ConvoId, Did Target, string? Reason, string? IdempotencyKey);

/// <param name="IsAdmin">Whether the target is an admin now.</param>
public sealed record SetAdminResult(bool IsAdmin);

/// <summary>Who is an admin of a conversation: its creator, and whom admins make one. There is always one.</summary>
public sealed class Admins
{
    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal Admins(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>Makes a member an admin.</summary>
    public Task<SetAdminResult> PromoteAdminAsync(Caller caller, SetAdminInput input, CancellationToken cancellation) =>
        SetAsync(caller, "promoteAdmin", input, true, cancellation);

    /// <summary>Makes an admin a member like others; not the last one.</summary>
    public Task<SetAdminResult> DemoteAdminAsync(Caller caller, SetAdminInput input, CancellationToken cancellation) =>
        SetAsync(caller, "demoteAdmin", input, false, cancellation);

    private Task<SetAdminResult> SetAsync(
        Caller caller,
        string method,
        SetAdminInput input,
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

    private async Task<SetAdminResult> SetAsync(MlsDbContext write, Caller caller, SetAdminInput input, bool admin)
    {
        string id = input.ConvoId,
            target = input.Target.Value;
        // Two admins cannot demote each other at the same time.
        await Conversation.HoldAsync(write, id);
        var members = await write
            .Members()
            .AsTracking()
            .Where(row => row.ConvoId == id && (row.IsAdmin || row.Did == target))
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
                id,
                target,
                admin ? MembershipChange.Promoted : MembershipChange.Demoted,
                _clock.GetUtcNow()
            )
        );
        return new(admin);
    }

    /// <summary>Where no admin is left, whoever has been a member longest becomes one.</summary>
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
