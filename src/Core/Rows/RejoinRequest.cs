using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rows;

/// <summary>
/// A request of a device to the members, to add the device again. A device has at most one open request in a
/// conversation (delivery-service §9).
/// </summary>
internal sealed class RejoinRequest
{
    public required string Id { get; init; }
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }

    /// <summary>
    /// The key package that the members are asked to add. It is taken out of the store, so nobody can claim it.
    /// </summary>
    public long KeyPackageRow { get; init; }

    /// <summary>The device that approved the asking device; null where no approval was needed.</summary>
    public long? ApprovedBy { get; init; }
    public string? Reason { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When a commit, of whatever kind, gave the device a new leaf; null while the request is open.</summary>
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
