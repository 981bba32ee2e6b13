using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Forks;

/// <summary>What a device says of an epoch that it has reached.</summary>
internal sealed class Acknowledgement
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>SHA-256 of its epoch authenticator (RFC 9420 §8.7).</summary>
    public required byte[] AuthenticatorHash { get; init; }
    public DateTimeOffset At { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Acknowledgement>
    {
        public void Configure(EntityTypeBuilder<Acknowledgement> builder)
        {
            builder.ToTable("acknowledgements");
            builder.HasKey(row => new
            {
                row.ConvoId,
                row.Epoch,
                row.DeviceRow,
            });
            builder.HasIndex(row => row.At);
            builder.HasOne<Conversation>().WithMany().HasForeignKey(row => row.ConvoId);
            builder.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceRow);
        }
    }
}

/// <summary>What the devices of an epoch agree on, and since when they do not. One row, so that two hosts cannot both believe that theirs came first.</summary>
internal sealed class EpochAgreement
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }

    /// <summary>Of the first acknowledgement; null as long as there is none.</summary>
    public byte[]? AuthenticatorHash { get; init; }

    /// <summary>When a device said something else.</summary>
    public DateTimeOffset? DisputedAt { get; init; }

    /// <summary>When a member published a GroupInfo with another external_pub.</summary>
    public DateTimeOffset? ExternalPubDisputedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<EpochAgreement>
    {
        public void Configure(EntityTypeBuilder<EpochAgreement> builder)
        {
            builder.ToTable("epoch_agreements");
            builder.HasKey(row => new { row.ConvoId, row.Epoch });
            builder.HasIndex(row => row.DisputedAt).HasFilter("disputed_at IS NOT NULL");
            builder.HasIndex(row => row.ExternalPubDisputedAt).HasFilter("external_pub_disputed_at IS NOT NULL");
            builder
                .HasOne<Conversation>()
                .WithMany()
                .HasForeignKey(row => row.ConvoId)
                .HasConstraintName("fk_epoch_agreements_conversations_convo_id");
        }
    }
}
