using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>
/// A group in one epoch, with the keys of all its members, to which a fuzz target gives its input. The scene is saved
/// beside the seeds, since they fit only each other.
/// </summary>
/// <remarks>
/// The reader is a member that has joined by the Welcome of this epoch. After an input that has changed its state, it
/// joins again.
/// </remarks>
public sealed class FuzzScene
{
    private const string PreSharedKeyName = "fuzz";

    private FuzzScene(byte[] saved)
    {
        Saved = saved;
        var reader = new TlsReader(saved);
        KeyPackage = MlsMessage.Decode(reader.ReadOpaque()).KeyPackage!.Verify(null);
        Init = new(KeyPackage.InitKey.ToArray(), reader.ReadOpaque().ToArray());
        var encryption = new SecretKeyPair(KeyPackage.LeafNode.EncryptionKey.ToArray(), reader.ReadOpaque().ToArray());
        Own = new(KeyPackage, Init, encryption);
        ReaderClient = new(
            Suite.Id,
            KeyPackage.LeafNode.Credential,
            new(KeyPackage.LeafNode.SignatureKey.ToArray(), reader.ReadOpaque().ToArray()),
            KeyPackage.LeafNode.Capabilities
        );
        Welcome = reader.ReadOpaque().ToArray();
        var joiner = reader.ReadOpaque().ToArray();
        Joiner = new(Suite.Id, Credential.Basic("joiner"u8.ToArray()), new(joiner, reader.ReadOpaque().ToArray()));
        var proposals = reader.ReadVector();
        while (!proposals.AtEnd)
            Proposals.Add(proposals.ReadOpaque().ToArray());
        var keys = reader.ReadVector();
        while (!keys.AtEnd)
            SignatureKeys[new(keys.ReadUInt32())] = keys.ReadOpaque().ToArray();
        reader.RequireEnd();

        PreSharedKeys.Add(PreSharedKey.ExternalId, "secret"u8);
        using var group = JoinAsReader();
        Group = group.PublicGroup;
        Authenticated = [.. Proposals.Select(bytes => Group.Authenticate(MlsMessage.Decode(bytes).PublicMessage!))];
        var welcome = MlsMessage.Decode(Welcome).Welcome!;
        GroupSecrets = WelcomeSecrets.OpenGroupSecrets(Suite, welcome, KeyPackage.Reference.Span, Init.PrivateKey);
        var psk = PreSharedKeySecretOf(GroupSecrets.PreSharedKeys);
        GroupInfo = WelcomeSecrets.OpenGroupInfo(Suite, welcome, GroupSecrets.JoinerSecret.Span, psk);
        Secrets = EpochSecrets.FromJoiner(Suite, GroupSecrets.JoinerSecret.ToArray(), psk, Group.Context);
    }

    internal CipherSuite Suite { get; } = CipherSuite.Get(1);
    internal byte[] Saved { get; }
    internal KeyPackage KeyPackage { get; }
    internal SecretKeyPair Init { get; }
    internal OwnKeyPackage Own { get; }
    internal Client ReaderClient { get; }
    internal Client Joiner { get; }
    internal byte[] Welcome { get; }
    internal GroupSecrets GroupSecrets { get; }
    internal UnverifiedGroupInfo GroupInfo { get; }
    internal EpochSecrets Secrets { get; }
    internal PublicGroup Group { get; }
    internal PreSharedKeys PreSharedKeys { get; } = new();

    /// <summary>Proposals of the epoch, that commits may name.</summary>
    internal List<byte[]> Proposals { get; } = [];
    internal IReadOnlyList<AuthenticatedContent> Authenticated { get; }

    /// <summary>The private signature keys of all members.</summary>
    internal Dictionary<LeafIndex, byte[]> SignatureKeys { get; } = [];

    internal static PreSharedKeyId PreSharedKey =>
        PreSharedKeyId.External(Encoding.ASCII.GetBytes(PreSharedKeyName), new byte[32]);

    internal byte[] PreSharedKeySecretOf(IReadOnlyList<PreSharedKeyId> ids) =>
        PreSharedKeySecret.Derive(Suite, [.. ids.Select(id => (id, (ReadOnlyMemory<byte>)"secret"u8.ToArray()))]);

    /// <summary>The reader in the epoch of the scene, with the proposals of that epoch.</summary>
    internal Group JoinAsReader()
    {
        var group = Mls.Group.JoinByWelcome(
            ReaderClient,
            Own,
            MlsMessage.Decode(Welcome).Welcome!,
            preSharedKeys: PreSharedKeys
        );
        foreach (var proposal in Proposals)
            group.Receive(proposal);
        return group;
    }

    /// <summary>Reads what <see cref="FuzzSeeds"/> saved.</summary>
    public static FuzzScene Load(byte[] saved) => new(saved);

    internal static byte[] Save(
        OwnKeyPackage own,
        Client readerClient,
        Client joiner,
        byte[] welcome,
        IEnumerable<byte[]> proposals,
        IEnumerable<(LeafIndex Leaf, Client Client)> members
    )
    {
        var writer = new TlsWriter(4096)
            .WriteOpaque(own.Encode())
            .WriteOpaque(own.Init.PrivateKey)
            .WriteOpaque(own.Encryption.PrivateKey)
            .WriteOpaque(readerClient.SignatureKey.PrivateKey)
            .WriteOpaque(welcome)
            .WriteOpaque(joiner.SignatureKey.PublicKey)
            .WriteOpaque(joiner.SignatureKey.PrivateKey);
        int start = writer.BeginVector();
        foreach (var proposal in proposals)
            writer.WriteOpaque(proposal);
        start = writer.EndVector(start).BeginVector();
        foreach (var (leaf, client) in members)
            writer.WriteUInt32(leaf).WriteOpaque(client.SignatureKey.PrivateKey);
        return writer.EndVector(start).ToArray();
    }
}
