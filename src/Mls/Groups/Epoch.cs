namespace MlsConsole.Mls;

/// <summary>
/// What a member knows of one epoch: the public state of the group, the epoch's secrets and message keys, and the
/// private keys of the ratchet tree that the member has.
/// </summary>
internal sealed class Epoch(PublicGroup group, EpochSecrets secrets, SecretTree messages, PrivateKeys keys)
    : IDisposable
{
    private SecretTree? _messages = messages;

    public PublicGroup Group { get; } = group;
    public EpochSecrets Secrets { get; } = secrets;
    public SecretTree Messages => _messages ?? throw new ObjectDisposedException(nameof(Epoch));
    public PrivateKeys Keys { get; } = keys;
    public LeafIndex Own => Keys.Own;

    public static Epoch Begin(PublicGroup group, EpochSecrets secrets, PrivateKeys keys)
    {
        var messages = new SecretTree(group.Suite, group.Tree.LeafCount, secrets.Encryption);
        secrets.ForgetSources();
        return new(group, secrets, messages, keys);
    }

    // struct { opaque public_group<V>; EpochSecrets secrets; SecretTree messages; PrivateKeys keys; } Epoch;
    public void Write(TlsWriter writer)
    {
        writer.WriteOpaque(Group.Snapshot());
        Secrets.Write(writer);
        Messages.Write(writer);
        Keys.Write(writer);
    }

    public static Epoch Read(ref TlsReader reader)
    {
        var group = PublicGroup.Restore(reader.ReadOpaque().ToArray());
        return new(
            group,
            EpochSecrets.Read(ref reader),
            SecretTree.Read(ref reader, group.Suite),
            PrivateKeys.Read(ref reader)
        );
    }

    /// <summary>
    /// Hands over the message keys and zeroes all other secrets, since late messages need only the message keys.
    /// </summary>
    public SecretTree TakeMessages()
    {
        var taken = Messages;
        _messages = null;
        Dispose();
        return taken;
    }

    public void Dispose()
    {
        Secrets.Dispose();
        _messages?.Dispose();
        Keys.Dispose();
    }
}
