using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>A device of an account lets another one of the account into a conversation, with one signature key. It is good for one join, and while the device that gave it has a leaf.</summary>
internal sealed class DeviceApproval
{
    public required string ConvoId { get; init; }
    public long DeviceRow { get; init; }
    public required byte[] SignatureKey { get; init; }

    /// <summary>The device that gave it.</summary>
    public long ApprovedBy { get; init; }

    /// <summary>The epoch that was signed with it. What was signed in it gives nothing a second time.</summary>
    public long Epoch { get; init; }
    public DateTimeOffset ApprovedAt { get; init; }

    /// <summary>When the device joined, one of the two was deleted, or the conversation began to require approvals.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Ends what a device that is deleted has got and given.</summary>
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
