using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Welcomes;

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
