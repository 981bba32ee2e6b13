using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.JoinTurns;

/// <summary>A device in a conversation's line: it waits, or has the turn, or is remembered for turns that it did not use.</summary>
internal sealed record JoinPlace
{
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>Orders the line; 0 for a device that is not in it and only remembered.</summary>
    public long Place { get; init; }

    /// <summary>Whoever has one has the turn.</summary>
    public string? TurnId { get; init; }

    /// <summary>When the turn ends; of one that waits, when its request is answered; of one that is remembered, when it is forgotten.</summary>
    public DateTimeOffset Until { get; init; }

    /// <summary>The conversation's epoch when the turn began: a later one has overtaken it.</summary>
    public long Epoch { get; init; }

    /// <summary>Turns that ended unused, one after the other.</summary>
    public int Unused { get; init; }

    public bool HasTurn => TurnId is not null;

    internal sealed class Table : IEntityTypeConfiguration<JoinPlace>
    {
        public void Configure(EntityTypeBuilder<JoinPlace> builder)
        {
            builder.ToTable("join_line");
            builder.HasKey(place => new { place.ConvoId, place.DeviceRow });
            builder.Ignore(place => place.HasTurn);
            // Whatever the hosts think, a conversation has one turn at a time.
            builder
                .HasIndex(place => place.ConvoId)
                .IsUnique()
                .HasFilter("turn_id IS NOT NULL")
                .HasDatabaseName("ix_join_line_convo_id_of_turns");
            builder
                .HasOne<Conversation>()
                .WithMany()
                .HasForeignKey(place => place.ConvoId)
                .HasConstraintName("fk_join_line_conversations_convo_id");
        }
    }
}
