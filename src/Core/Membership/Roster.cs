using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Membership;

/// <summary>What an epoch does to the roster. It may have changed since the epoch was decided, so conditions are in the statements.</summary>
internal static class Roster
{
    /// <summary>Another account took the last leaf away: if it was a member, it is none, and that is told.</summary>
    public static void Remove(Statements statements, string convoId, string did, DateTimeOffset now)
    {
        var removed = OutboxEvent.Membership(convoId, did, MembershipChange.Removed, now);
        long at = now.ToUnixTimeMilliseconds();
        int member = (int)RosterState.Member;
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, did, detail, created_at)
            SELECT {(int)removed.Kind}, {(int)
                removed.Audience}, convo_id, did, {removed.Detail}, {at} FROM roster WHERE convo_id = {convoId} AND did = {did} AND state = {member}
            """
        );
        statements.Add(
            $"UPDATE roster SET state = {(int)RosterState.Removed}, ended_at = {at}, is_admin = FALSE WHERE convo_id = {convoId} AND did = {did} AND state = {member}"
        );
    }

    /// <summary>A device of the account has a leaf: it is a member, and if it was none, that is told.</summary>
    public static void Join(Statements statements, string convoId, string did, DateTimeOffset now)
    {
        var joined = OutboxEvent.Membership(convoId, did, MembershipChange.Joined, now);
        long at = now.ToUnixTimeMilliseconds();
        int member = (int)RosterState.Member;
        statements.Add(
            $"""
            INSERT INTO outbox (kind, audience, convo_id, did, detail, created_at)
            SELECT {(int)joined.Kind}, {(int)joined.Audience}, {convoId}, {did}, {joined.Detail}, {at}
            WHERE NOT EXISTS (SELECT 1 FROM roster WHERE convo_id = {convoId} AND did = {did} AND state = {member})
            """
        );
        statements.Add(
            $"""
            INSERT INTO roster (convo_id, did, state, is_admin, joined_at) VALUES ({convoId}, {did}, {member}, FALSE, {at})
            ON CONFLICT (convo_id, did) DO UPDATE SET state = {member}, ended_at = NULL WHERE roster.state <> {member} OR roster.ended_at IS NOT NULL
            """
        );
    }
}
