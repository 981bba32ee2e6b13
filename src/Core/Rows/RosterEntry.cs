using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

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
