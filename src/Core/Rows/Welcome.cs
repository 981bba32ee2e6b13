using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>
/// A Welcome and the ratchet tree of the epoch that the Welcome leads to, stored once for all recipients.
/// </summary>
internal sealed class WelcomeContent
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }

    /// <summary>The Welcome as an MLSMessage.</summary>
    public required byte[] Welcome { get; init; }
    public required byte[] RatchetTree { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<WelcomeContent>
    {
        public void Configure(EntityTypeBuilder<WelcomeContent> builder)
        {
            builder.ToTable("welcomes");
            builder.HasKey(content => new { content.ConvoId, content.Epoch });
            builder.HasOne<Conversation>().WithMany().HasForeignKey(content => content.ConvoId);
        }
    }
}

/// <summary>
/// A device that a Welcome is for. The Welcome is delivered to the device again and again until the device confirms it,
/// or until the delivery is ended.
/// </summary>
internal sealed class WelcomeRecipient
{
    public required string Id { get; init; }
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }
    public long DeviceRow { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? ConfirmedAt { get; set; }
    public bool? Success { get; set; }
    public string? ErrorDetails { get; set; }

    /// <summary>Ends the delivery of an account's Welcomes to the given conversations.</summary>
    public static async Task EndAsync(
        MlsDbContext write,
        string did,
        IReadOnlyList<string> convos,
        string why,
        DateTimeOffset now
    )
    {
        var devices = await write
            .Set<Device>()
            .Where(device => device.Did == did)
            .Select(device => device.Id)
            .ToListAsync();
        await write
            .Set<WelcomeRecipient>()
            .Where(row => devices.Contains(row.DeviceRow) && convos.Contains(row.ConvoId) && row.ConfirmedAt == null)
            .ExecuteUpdateAsync(set =>
                set.SetProperty(row => row.ConfirmedAt, now)
                    .SetProperty(row => row.Success, false)
                    .SetProperty(row => row.ErrorDetails, why)
            );
    }

    internal sealed class Table : IEntityTypeConfiguration<WelcomeRecipient>
    {
        public void Configure(EntityTypeBuilder<WelcomeRecipient> builder)
        {
            builder.ToTable("welcome_recipients");
            builder.HasIndex(recipient => new { recipient.DeviceRow, recipient.ConfirmedAt });
            builder
                .HasOne<WelcomeContent>()
                .WithMany()
                .HasForeignKey(recipient => new { recipient.ConvoId, recipient.Epoch });
            builder.HasOne<Device>().WithMany().HasForeignKey(recipient => recipient.DeviceRow);
        }
    }
}
