using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>A Welcome and the tree of the epoch that it leads to, once for all its recipients.</summary>
internal sealed class WelcomeContent
{
    public required string ConvoId { get; init; }
    public long Epoch { get; init; }

    /// <summary>MLSMessage.</summary>
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

/// <summary>A recipient of a Welcome. It is delivered again until the device confirms it.</summary>
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

    /// <summary>Ends the delivery of an account's Welcomes to conversations.</summary>
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

/// <summary>A Welcome that a commit brought, with the devices that it is for.</summary>
internal sealed record NewWelcome(byte[] Message, IReadOnlyList<Device> Recipients)
{
    /// <summary>Checks that the recipients are the key packages of the commit's Adds (RFC 9420 §12.4.3.1).</summary>
    public static NewWelcome Verify(ReadOnlyMemory<byte> bytes, StagedCommit staged, IReadOnlyList<Device> recipients)
    {
        try
        {
            var message = MlsMessage.Decode(bytes);
            if (message.Welcome is not { } welcome)
                throw new MlsException(Rules.CodecWireFormat);
            var expected = staged
                .AddedKeyPackages.Select(package => Convert.ToHexString(package.Reference.Span))
                .Order();
            var given = welcome.Secrets.Select(entry => Convert.ToHexString(entry.NewMember.Span)).Order();
            if (welcome.CipherSuite != staged.CipherSuite || !expected.SequenceEqual(given))
                throw new MlsException(DeliveryRules.WelcomeRecipients);
            return new(bytes.ToArray(), recipients);
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidWelcome(broken.Rule.Id).AsException();
        }
    }

    public void AddTo(Statements statements, string convoId, PublicGroup group, DateTimeOffset now)
    {
        long epoch = (long)group.Epoch,
            at = now.ToUnixTimeMilliseconds();
        statements.Add(
            $"INSERT INTO welcomes (convo_id, epoch, welcome, ratchet_tree) VALUES ({convoId}, {epoch}, {Message}, {group.EncodeRatchetTree()})"
        );
        foreach (var device in Recipients)
        {
            var recipient = new WelcomeRecipient
            {
                Id = Guid.CreateVersion7(now).ToString("N"),
                ConvoId = convoId,
                Epoch = epoch,
                DeviceRow = device.Id,
                CreatedAt = now,
            };
            statements.Add(
                $"INSERT INTO welcome_recipients (id, convo_id, epoch, device_row, created_at) VALUES ({recipient.Id}, {convoId}, {epoch}, {device.Id}, {at})"
            );
            statements.AddEvent(OutboxEvent.Welcome(recipient, device));
        }
    }
}
