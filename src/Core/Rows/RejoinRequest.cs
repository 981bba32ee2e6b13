using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>A device asks the members to add it again. It has one open request in a conversation at most.</summary>
internal sealed class RejoinRequest
{
    public required string Id { get; init; }
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>The key package to add it with; nobody can claim it.</summary>
    public long KeyPackageRow { get; init; }

    /// <summary>The device that approved this one; null where none had to.</summary>
    public long? ApprovedBy { get; init; }
    public string? Reason { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When an epoch began in which the device has a new leaf, by whatever commit.</summary>
    public DateTimeOffset? AnsweredAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<RejoinRequest>
    {
        public void Configure(EntityTypeBuilder<RejoinRequest> builder)
        {
            builder.ToTable("rejoin_requests");
            builder
                .HasIndex(request => new { request.ConvoId, request.DeviceRow })
                .IsUnique()
                .HasFilter("answered_at IS NULL")
                .HasDatabaseName("ix_rejoin_requests_open");
            builder.HasIndex(request => request.KeyPackageRow).IsUnique();
            builder.HasIndex(request => request.ExpiresAt);
            builder.HasOne<Conversation>().WithMany().HasForeignKey(request => request.ConvoId);
            builder.HasOne<Device>().WithMany().HasForeignKey(request => request.DeviceRow);
            builder.HasOne<KeyPackageRow>().WithMany().HasForeignKey(request => request.KeyPackageRow);
        }
    }
}
