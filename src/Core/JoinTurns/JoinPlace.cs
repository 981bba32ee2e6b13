using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.JoinTurns;

/// <summary>
/// A device in a conversation's line of joiners (delivery-service §6.3). The device waits for its turn, or has the
/// turn, or is not in line any more and only remembered for the turns that it did not use.
/// </summary>
internal sealed record JoinPlace
{
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>The number by which the line is ordered; 0 for a device that is only remembered.</summary>
    public long Place { get; init; }

    /// <summary>The id of the turn that the device has; null if the device does not have the turn.</summary>
    public string? TurnId { get; init; }

    /// <summary>
    /// For a device that has the turn: when the turn ends. For a waiting device: until when its request waits, at the
    /// latest; a time that has passed means that no request of the device waits, and its place is only kept. For a
    /// device that is remembered: when it is forgotten.
    /// </summary>
    public DateTimeOffset Until { get; init; }

    /// <summary>
    /// The conversation's epoch when the turn began. If the conversation is in a later epoch, the commit that created
    /// that epoch has overtaken the turn.
    /// </summary>
    public long Epoch { get; init; }

    /// <summary>How many turns of the device have ended unused, one after the other.</summary>
    public int Unused { get; init; }

    public bool HasTurn => TurnId is not null;

    internal sealed class Table : IEntityTypeConfiguration<JoinPlace>
    {
        public void Configure(EntityTypeBuilder<JoinPlace> builder)
        {
            builder.ToTable("join_line");
            builder.HasKey(place => new { place.ConvoId, place.DeviceRow });
            builder.Ignore(place => place.HasTurn);
            // A conversation has one turn at a time, even where two hosts decide at once.
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
