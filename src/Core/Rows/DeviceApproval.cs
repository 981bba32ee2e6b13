using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>
/// An approval: a device lets another device of its account into a conversation, with one signature key. The approval
/// is good for one join, as long as the approving device has a leaf (delivery-service §5.3).
/// </summary>
internal sealed class DeviceApproval
{
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] SignatureKey { get; init; }

    /// <summary>The device that gave the approval.</summary>
    public long ApprovedBy { get; init; }

    /// <summary>
    /// The epoch that the approving device signed. After the approval has ended, it cannot be given again in this
    /// epoch: whoever has seen the signature could send it again.
    /// </summary>
    public long Epoch { get; init; }
    public DateTimeOffset ApprovedAt { get; init; }

    /// <summary>
    /// When the approval ended: the approved device joined, one of the two devices was deleted, or the conversation
    /// began to require approvals. Null while the approval is open.
    /// </summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Ends the open approvals that a device has got or given, because the device is deleted.</summary>
    public static Task EndAsync(MlsDbContext write, Device device, DateTimeOffset now) =>
        write
            .Set<DeviceApproval>()
            .Where(approval =>
                (approval.DeviceRow == device.Id || approval.ApprovedBy == device.Id) && approval.EndedAt == null
            )
            .ExecuteUpdateAsync(set => set.SetProperty(approval => approval.EndedAt, now));

    internal sealed class Table : IEntityTypeConfiguration<DeviceApproval>
    {
        public void Configure(EntityTypeBuilder<DeviceApproval> builder)
        {
            builder.ToTable("device_approvals");
            builder.HasKey(approval => new
            {
                approval.ConvoId,
                approval.DeviceRow,
                approval.SignatureKey,
            });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(approval => approval.ConvoId);
            builder.HasOne<Device>().WithMany().HasForeignKey(approval => approval.DeviceRow);
            builder.HasOne<Device>().WithMany().HasForeignKey(approval => approval.ApprovedBy);
        }
    }
}
