using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>message-protection.json.</summary>
internal static class MessageVectors
{
    public static void MessageProtectionAgrees(CipherSuite suite, JsonElement test)
    {
        var context = new GroupContext(
            suite.Id,
            test.Hex("group_id"),
            test.GetProperty("epoch").GetUInt64(),
            test.Hex("tree_hash"),
            test.Hex("confirmed_transcript_hash"),
            Extensions.None
        );
        var senderData = test.Hex("sender_data_secret");
        MessageProtection.Opened Decrypt(SecretTree tree, PrivateMessage message) =>
            MessageProtection.Decrypt(
                suite,
                MessageProtection.OpenSenderData(suite, senderData, message),
                tree,
                message
            );
        foreach (string kind in (string[])["proposal", "commit", "application"])
        {
            using var tree = new SecretTree(suite, 2, test.Hex("encryption_secret"));
            var opened = Decrypt(tree, MlsMessage.Decode(test.Hex(kind + "_priv")).PrivateMessage!);
            Check(suite, test, kind, context, opened.Content);
            if (kind == "application")
                continue;
            var message = MlsMessage.Decode(test.Hex(kind + "_pub")).PublicMessage!;
            MessageProtection.VerifyMembershipTag(suite, test.Hex("membership_key"), message, context);
            Check(suite, test, kind, context, new(WireFormat.PublicMessage, message.Content, message.Auth));
        }

        // And back: what we encrypt, we open.
        using var sending = new SecretTree(suite, 2, test.Hex("encryption_secret"));
        using var receiving = new SecretTree(suite, 2, test.Hex("encryption_secret"));
        var content = FramedContent.Create(
            test.Hex("group_id"),
            context.Epoch,
            new(SenderType.Member, 1),
            "aad"u8,
            ContentType.Application,
            writer => writer.WriteOpaque(test.Hex("application"))
        );
        var auth = new FramedContentAuthData(
            suite.SignWithLabel(
                test.Hex("signature_priv"),
                "FramedContentTBS",
                content.ToBeSigned(WireFormat.PrivateMessage, context).WrittenSpan
            ),
            default
        );
        var made = MessageProtection.Encrypt(suite, senderData, sending, content, auth, paddingTo: 64);
        Check(suite, test, "application", context, Decrypt(receiving, made).Content);
    }

    private static void Check(
        CipherSuite suite,
        JsonElement test,
        string kind,
        GroupContext context,
        AuthenticatedContent opened
    )
    {
        var body = new TlsWriter();
        opened.Content.WriteBody(body);
        var expected = kind == "application" ? new TlsWriter().WriteOpaque(test.Hex(kind)).ToArray() : test.Hex(kind);
        Assert.Equal(expected, body.ToArray());
        Assert.Equal(new Sender(SenderType.Member, 1), opened.Content.Sender);
        Assert.True(
            suite.VerifyWithLabel(
                test.Hex("signature_pub"),
                "FramedContentTBS",
                opened.Content.ToBeSigned(opened.WireFormat, context).WrittenSpan,
                opened.Auth.Signature.Span
            )
        );
    }
}
