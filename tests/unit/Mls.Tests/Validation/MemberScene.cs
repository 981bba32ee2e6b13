using System.Security.Cryptography;
using System.Text;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// The groups of Alice and Bob, and Carol, a member who knows all secrets of the epoch and sends whatever she likes.
/// </summary>
/// <remarks>Bob is the one who receives.</remarks>
internal sealed class MemberScene
{
    private readonly CipherSuite _suite = CipherSuite.Get(1);
    private readonly PreSharedKeys _keys;

    public MemberScene(CredentialVerifier? verifier = null)
    {
        _keys = new PreSharedKeys().Add("known"u8.ToArray(), "secret"u8);
        AliceClient = Named("alice");
        BobClient = new Client(1, Credential.Basic("bob"u8.ToArray())) { VerifyCredential = verifier };
        CarolClient = Named("carol");
        Alice = Group.Create(
            AliceClient,
            preSharedKeys: new PreSharedKeys()
                .Add("known"u8.ToArray(), "secret"u8)
                .Add("unknown"u8.ToArray(), "secret"u8)
        );
        using var bob = BobClient.CreateKeyPackage();
        var added = Alice.Commit(new() { Add = [Unverified(bob)] });
        Alice.MergePendingCommit();
        Bob = Group.JoinByWelcome(BobClient, bob, Welcome(added), preSharedKeys: _keys);
        using var carol = CarolClient.CreateKeyPackage();
        added = Alice.Commit(new() { Add = [Unverified(carol)] });
        Alice.MergePendingCommit();
        Bob.Receive(added.Commit);
        var joiner = WelcomeSecrets
            .OpenGroupSecrets(_suite, Welcome(added), carol.KeyPackage.Reference.Span, carol.Init.PrivateKey)
            .JoinerSecret;
        Secrets = EpochSecrets.FromJoiner(_suite, joiner.ToArray(), new byte[_suite.HashLength], Public.Context);
    }

    public Client AliceClient { get; }
    public Client BobClient { get; }
    public Client CarolClient { get; }
    public Group Alice { get; }
    public Group Bob { get; }
    public EpochSecrets Secrets { get; }
    public PublicGroup Public => Alice.PublicGroup;
    public LeafIndex CarolsLeaf => new(2);

    public static Client Named(string name) => new(1, Credential.Basic(Encoding.UTF8.GetBytes(name)));

    public static UnverifiedKeyPackage Unverified(OwnKeyPackage package) =>
        UnverifiedKeyPackage.Decode(package.Encode());

    public static Welcome Welcome(PendingCommit commit) => MlsMessage.Decode(commit.Welcome!).Welcome!;

    /// <summary>Bob takes one message, then another.</summary>
    public Attempt Attempt(byte[] broken, byte[] control) =>
        new(() => Bob.Receive(broken, PublicScene.Now), () => Bob.Receive(control, PublicScene.Now), State);

    public byte[] State() => [.. Bob.EpochAuthenticator, .. Bob.PublicGroup.Snapshot()];

    /// <summary>Alice's commit as she would send it; she does not go on to its epoch.</summary>
    public byte[] AlicesCommit(CommitOptions? options = null)
    {
        byte[] commit = Alice.Commit(options).Commit;
        Alice.DiscardPendingCommit();
        return commit;
    }

    /// <summary>
    /// A commit of Alice with one thing changed, which she signs anew and gives the membership tag that belongs to it.
    /// </summary>
    public byte[] Changed(
        byte[] message,
        Func<Commit, Commit>? commit = null,
        Func<byte[], byte[]>? confirmationTag = null
    )
    {
        var old = MlsMessage.Decode(message).PublicMessage!;
        var body = commit is null ? old.Content.Commit! : commit(old.Content.Commit!);
        var content = FramedContent.Create(
            Public.GroupId.Span,
            Public.Epoch,
            old.Content.Sender,
            [],
            ContentType.Commit,
            body.Write
        );
        var tag = old.Auth.ConfirmationTag.ToArray();
        return InClear(AliceClient, content, confirmationTag is null ? tag : confirmationTag(tag));
    }

    public byte[] InClear(Client signer, FramedContent content, ReadOnlyMemory<byte> confirmationTag = default)
    {
        var auth = new FramedContentAuthData(Sign(signer, content, WireFormat.PublicMessage), confirmationTag);
        return MlsMessage
            .Of(
                new PublicMessage(
                    content,
                    auth,
                    MessageProtection.MembershipTag(_suite, Secrets.MembershipKey, content, auth, Public.Context)
                )
            )
            .Encode();
    }

    private byte[] Sign(Client signer, FramedContent content, WireFormat format) =>
        _suite.SignWithLabel(
            signer.SignatureKey.PrivateKey,
            "FramedContentTBS",
            content.ToBeSigned(format, Public.Context).WrittenSpan
        );

    /// <summary>An application message that Carol makes by hand.</summary>
    /// <param name="padding">The bytes behind the content.</param>
    /// <param name="leaf">
    /// The sender's leaf in the sender data. The message is encrypted with a key of this leaf's ratchet, or of Carol's
    /// if the leaf is outside the tree.
    /// </param>
    /// <param name="generation">The generation in the sender data.</param>
    /// <param name="signer">The client whose key signs the message; Carol where null.</param>
    public PrivateMessage Encrypted(
        byte[]? padding = null,
        LeafIndex? leaf = null,
        uint generation = 0,
        Client? signer = null
    )
    {
        var from = leaf ?? CarolsLeaf;
        var content = FramedContent.Create(
            Public.GroupId.Span,
            Public.Epoch,
            new(SenderType.Member, from),
            [],
            ContentType.Application,
            writer => writer.WriteOpaque("hello"u8)
        );
        var plaintext = new TlsWriter();
        content.WriteBody(plaintext);
        plaintext.WriteOpaque(Sign(signer ?? CarolClient, content, WireFormat.PrivateMessage)).WriteRaw(padding);

        using var tree = new SecretTree(_suite, Public.Tree.LeafCount, Secrets.Encryption);
        var (_, key, nonce) = tree.Next(from.Value < Public.Tree.LeafCount ? from : CarolsLeaf, handshake: false);
        var header = new TlsWriter()
            .WriteOpaque(Public.GroupId.Span)
            .WriteUInt64(Public.Epoch)
            .WriteUInt8((byte)ContentType.Application);
        var ciphertext = _suite.AeadSeal(
            key,
            nonce,
            new TlsWriter().WriteRaw(header.WrittenSpan).WriteOpaque([]).WrittenSpan,
            plaintext.WrittenSpan
        );
        // A reuse guard of zero leaves the nonce as it is.
        var senderData = new TlsWriter().WriteUInt32(from).WriteUInt32(generation).WriteUInt32(0);
        var sample = ciphertext.AsSpan(0, _suite.HashLength);
        var sealedData = _suite.AeadSeal(
            _suite.ExpandWithLabel(Secrets.SenderData, "key", sample, _suite.AeadKeyLength),
            _suite.ExpandWithLabel(Secrets.SenderData, "nonce", sample, _suite.AeadNonceLength),
            header.WrittenSpan,
            senderData.WrittenSpan
        );
        return new(Public.GroupId, Public.Epoch, ContentType.Application, default, sealedData, ciphertext);
    }

    public static byte[] Encode(PrivateMessage message) => MlsMessage.Of(message).Encode();

    public static byte[] Flipped(ReadOnlyMemory<byte> bytes)
    {
        var copy = bytes.ToArray();
        copy[0] ^= 1;
        return copy;
    }

    /// <summary>
    /// Encrypts another path secret to the key that Bob opens, as a committer would that lies about this secret alone.
    /// </summary>
    public Commit WithFalseSecret(Commit commit, byte[] message)
    {
        var staged = Public.Stage(Public.Authenticate(MlsMessage.Decode(message).PublicMessage!), [], null);
        var context = Mls.CommitBuilder.Provisional(Public, staged.Group.Tree, staged.Group.Context.Extensions);
        var (kemOutput, ciphertext) = _suite.EncryptWithLabel(
            Public.Leaf(Bob.OwnLeaf)!.EncryptionKey.Span,
            "UpdatePathNode",
            context.Encoded.Span,
            RandomNumberGenerator.GetBytes(_suite.HashLength)
        );
        return WithFirstCiphertext(commit, _ => new(kemOutput, ciphertext));
    }

    public static Commit WithFirstCiphertext(Commit commit, Func<HpkeCiphertext, HpkeCiphertext> change)
    {
        var first = commit.Path!.Nodes[0];
        var node = first with
        {
            EncryptedPathSecrets = [change(first.EncryptedPathSecrets[0]), .. first.EncryptedPathSecrets.Skip(1)],
        };
        return new(commit.Proposals, commit.Path with { Nodes = [node, .. commit.Path.Nodes.Skip(1)] });
    }
}
