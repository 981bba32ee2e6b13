using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

/// <summary>How an account stands to a conversation.</summary>
internal enum RosterState
{
    /// <summary>A member, whether or not a device of the account has a leaf at the moment.</summary>
    Member = 1,

    /// <summary>Another account removed its last leaf.</summary>
    Removed = 2,

    /// <summary>Left by its own will, at <see cref="RosterEntry.EndedAt"/>.</summary>
    Left = 3,
}

/// <summary>An account in a conversation's roster.</summary>
internal sealed class RosterEntry
{
    public required string ConvoId { get; init; }
    public required string Did { get; init; }
    public RosterState State { get; set; }
    public bool IsAdmin { get; set; }
    public DateTimeOffset JoinedAt { get; set; }
    public DateTimeOffset? EndedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<RosterEntry>
    {
        public void Configure(EntityTypeBuilder<RosterEntry> builder)
        {
            builder.ToTable("roster");
            builder.HasKey(entry => new { entry.ConvoId, entry.Did });
            builder.HasIndex(entry => new { entry.Did, entry.ConvoId });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(entry => entry.ConvoId);
        }
    }
}

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

/// <summary>Which device holds which leaf.</summary>
internal sealed class Leaf
{
    public required string ConvoId { get; init; }
    public long LeafIndex { get; init; }
    public long DeviceRow { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Leaf>
    {
        public void Configure(EntityTypeBuilder<Leaf> builder)
        {
            builder.ToTable("leaves");
            builder.HasKey(leaf => new { leaf.ConvoId, leaf.LeafIndex });
            builder.HasIndex(leaf => new { leaf.ConvoId, leaf.DeviceRow }).IsUnique();
            builder.HasOne<Conversation>().WithMany().HasForeignKey(leaf => leaf.ConvoId);
            builder.HasOne<Device>().WithMany().HasForeignKey(leaf => leaf.DeviceRow);
        }
    }
}
