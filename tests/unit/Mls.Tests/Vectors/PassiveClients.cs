using System.Text.Json;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>The passive-client vectors as a member: join by Welcome, then process every proposal and commit, public and private.</summary>
public class PassiveClients(ITestOutputHelper output)
{
    [SkippableTheory]
    [InlineData("passive-client-welcome.json", 32)]
    [InlineData("passive-client-handling-commit.json", 47)]
    [InlineData("passive-client-random.json", 1)]
    [InlineData("passive-interop/application.json", 22)]
    [InlineData("passive-interop/branch.json", 100)]
    [InlineData("passive-interop/commit.json", 136)]
    [InlineData("passive-interop/external_join.json", 42)]
    [InlineData("passive-interop/external_proposals.json", 88)]
    [InlineData("passive-interop/reinit.json", 148)]
    [InlineData("passive-interop/welcome_join.json", 28)]
    public void A_member_reaches_every_epoch_with_its_authenticator(string file, int cases)
    {
        int count = 0, epochs = 0;
        foreach (var (suite, test) in VectorFiles.BySuite(file))
        {
            using var group = Join(suite, test);
            Assert.Equal(test.Hex("initial_epoch_authenticator"), group.EpochAuthenticator);
            foreach (var epoch in test.GetProperty("epochs").EnumerateArray())
            {
                foreach (var proposal in epoch.GetProperty("proposals").EnumerateArray()) Assert.IsType<ReceivedProposal>(group.Receive(proposal.Hex()));
                Assert.IsType<ReceivedCommit>(group.Receive(epoch.Hex("commit")));
                Assert.Equal(epoch.Hex("epoch_authenticator"), group.EpochAuthenticator);
                epochs++;
            }
            count++;
        }
        output.WriteLine($"{file}: {count} clients, {epochs} commits processed");
        Assert.Equal(cases, count);
    }

    private static Group Join(CipherSuite suite, JsonElement test)
    {
        var package = MlsMessage.Decode(test.Hex("key_package")).KeyPackage!.Verify(now: null);
        var leaf = package.LeafNode;
        var client = new Client(suite.Id, leaf.Credential, new SecretKeyPair(leaf.SignatureKey.ToArray(), test.Hex("signature_priv")), leaf.Capabilities);
        var own = new OwnKeyPackage(package, new(package.InitKey.ToArray(), test.Hex("init_priv")), new(leaf.EncryptionKey.ToArray(), test.Hex("encryption_priv")));
        var psks = new PreSharedKeys();
        foreach (var psk in test.GetProperty("external_psks").EnumerateArray()) psks.Add(psk.Hex("psk_id"), psk.Hex("psk"));
        return Group.JoinByWelcome(client, own, MlsMessage.Decode(test.Hex("welcome")).Welcome!, test.HexOrNull("ratchet_tree"), psks);
    }

    [SkippableFact]
    public void Messages_open_and_can_be_made()
    {
        int count = 0;
        foreach (var (suite, test) in VectorFiles.BySuite("message-protection.json"))
        {
            var context = new GroupContext(suite.Id, test.Hex("group_id"), test.GetProperty("epoch").GetUInt64(), test.Hex("tree_hash"), test.Hex("confirmed_transcript_hash"), Extensions.None);
            using var secrets = EpochSecrets.Given(suite, test.Hex("sender_data_secret"), test.Hex("membership_key"));
            foreach (string kind in (string[])["proposal", "commit", "application"])
            {
                using var tree = new SecretTree(suite, 2, test.Hex("encryption_secret"));
                var opened = MessageProtection.Decrypt(suite, secrets, tree, MlsMessage.Decode(test.Hex(kind + "_priv")).PrivateMessage!);
                Check(suite, test, kind, context, opened.Content);
                if (kind == "application") continue;
                var message = MlsMessage.Decode(test.Hex(kind + "_pub")).PublicMessage!;
                MessageProtection.VerifyMembershipTag(suite, secrets.MembershipKey, message, context);
                Check(suite, test, kind, context, new(WireFormat.PublicMessage, message.Content, message.Auth));
            }

            // And back: what we encrypt, we open.
            using var sending = new SecretTree(suite, 2, test.Hex("encryption_secret"));
            using var receiving = new SecretTree(suite, 2, test.Hex("encryption_secret"));
            var content = FramedContent.Create(test.Hex("group_id"), context.Epoch, new(SenderType.Member, 1), "aad"u8, ContentType.Application, writer => writer.WriteOpaque(test.Hex("application")));
            var auth = new FramedContentAuthData(suite.SignWithLabel(test.Hex("signature_priv"), "FramedContentTBS", content.ToBeSigned(WireFormat.PrivateMessage, context).WrittenSpan), default);
            var made = MessageProtection.Encrypt(suite, secrets, sending, content, auth, paddingTo: 64);
            Check(suite, test, "application", context, MessageProtection.Decrypt(suite, secrets, receiving, made).Content);
            count++;
        }
        Assert.Equal(7, count);
    }

    private static void Check(CipherSuite suite, JsonElement test, string kind, GroupContext context, AuthenticatedContent opened)
    {
        var body = new TlsWriter();
        opened.Content.WriteBody(body);
        var expected = kind == "application" ? new TlsWriter().WriteOpaque(test.Hex(kind)).ToArray() : test.Hex(kind);
        Assert.Equal(expected, body.ToArray());
        Assert.Equal(new Sender(SenderType.Member, 1), opened.Content.Sender);
        Assert.True(suite.VerifyWithLabel(test.Hex("signature_pub"), "FramedContentTBS", opened.Content.ToBeSigned(opened.WireFormat, context).WrittenSpan, opened.Auth.Signature.Span));
    }
}
