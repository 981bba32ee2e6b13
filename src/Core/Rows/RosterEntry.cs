using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>How an account stands to a conversation. The numbers are stored in the database and never change.</summary>
internal enum RosterState
{
    /// <summary>A member, whether or not a device of the account has a leaf at the moment.</summary>
    Member = 1,

    /// <summary>Another account removed the last leaf of this account, or an admin removed the account.</summary>
    Removed = 2,

    /// <summary>The account left by its own will, at <see cref="RosterEntry.EndedAt"/>.</summary>
    Left = 3,
}

/// <summary>An account in the roster of a conversation. The entry stays when the account's membership ends.</summary>
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
