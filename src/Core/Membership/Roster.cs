using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>
/// Adds to the list of an epoch what the epoch does to the roster. The roster may have changed since the epoch was
/// decided, so each statement has the account's state as a condition.
/// </summary>
internal static class Roster
{
    /// <summary>
    /// Another account took the account's last leaf away. If the account is a member, it is removed, and the members
    /// are told.
    /// </summary>
    public static void Remove(Statements statements, string convoId, string did, DateTimeOffset now)
    {
        var told = OutboxEvent.Membership(convoId, did, MembershipChange.Removed, now);
        int kind = (int)told.Kind,
            audience = (int)told.Audience,
            member = (int)RosterState.Member,
            removed = (int)RosterState.Removed;
        long at = now.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, did, detail, created_at)
            SELECT {kind}, {audience}, convo_id, did, {told.Detail}, {at} FROM roster
            WHERE convo_id = {convoId} AND did = {did} AND state = {member}
            """
        );
        statements.Add(
            $"""
            UPDATE roster SET state = {removed}, ended_at = {at}, is_admin = FALSE
            WHERE convo_id = {convoId} AND did = {did} AND state = {member}
            """
        );
    }

    /// <summary>
    /// A device of the account has a leaf now. The account becomes a member, and if it was none before, the members are
    /// told.
    /// </summary>
    public static void Join(Statements statements, string convoId, string did, DateTimeOffset now)
    {
        var told = OutboxEvent.Membership(convoId, did, MembershipChange.Joined, now);
        int kind = (int)told.Kind,
            audience = (int)told.Audience,
            member = (int)RosterState.Member;
        long at = now.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, did, detail, created_at)
            SELECT {kind}, {audience}, {convoId}, {did}, {told.Detail}, {at}
            WHERE NOT EXISTS (SELECT 1 FROM roster WHERE convo_id = {convoId} AND did = {did} AND state = {member})
            """
        );
        statements.Add(
            $"""
            INSERT INTO roster (convo_id, did, state, is_admin, joined_at)
            VALUES ({convoId}, {did}, {member}, FALSE, {at})
            ON CONFLICT (convo_id, did) DO UPDATE SET state = {member}, ended_at = NULL
            WHERE roster.state <> {member} OR roster.ended_at IS NOT NULL
            """
        );
    }
}
