using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Welcomes;

/// <summary>A Welcome that a commit brought, as an MLSMessage, with the devices that it is for.</summary>
internal sealed record NewWelcome(byte[] Message, IReadOnlyList<Device> Recipients)
{
    /// <summary>
    /// Checks that the Welcome is for exactly the key packages that the commit adds (RFC 9420 §12.4.3.1).
    /// </summary>
    /// <exception cref="RefusedException">InvalidWelcome: the Welcome breaks a rule.</exception>
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

    /// <summary>
    /// Adds to the list of an epoch that the Welcome is stored, with the group's tree, for each device that it is for,
    /// and that the accounts of these devices are told.
    /// </summary>
    public void AddTo(Statements statements, string convoId, PublicGroup group, DateTimeOffset now)
    {
        long epoch = (long)group.Epoch,
            at = now.ToUnixTimeMilliseconds();
        statements.Add(
            $"""
            INSERT INTO welcomes (convo_id, epoch, welcome, ratchet_tree)
            VALUES ({convoId}, {epoch}, {Message}, {group.EncodeRatchetTree()})
            """
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
                $"""
                INSERT INTO welcome_recipients (id, convo_id, epoch, device_row, created_at)
                VALUES ({recipient.Id}, {convoId}, {epoch}, {device.Id}, {at})
                """
            );
            statements.AddEvent(OutboxEvent.Welcome(recipient, device));
        }
    }
}
