namespace MlsConsole.Mls;

/// <summary>What a member knows of one epoch beside its public state: secrets, message keys and private keys of the tree.</summary>
internal sealed class Epoch(PublicGroup group, EpochSecrets secrets, SecretTree messages, PrivateKeys keys) : IDisposable
{
    public PublicGroup Group { get; } = group;
    public EpochSecrets Secrets { get; } = secrets;
    public SecretTree Messages { get; } = messages;
    public PrivateKeys Keys { get; } = keys;
    public LeafIndex Own => Keys.Own;

    public static Epoch Begin(PublicGroup group, EpochSecrets secrets, PrivateKeys keys) =>
        new(group, secrets, new(group.Suite, group.Tree.LeafCount, secrets.Encryption), keys);

    public void Dispose()
    {
        Secrets.Dispose();
        Messages.Dispose();
        Keys.Dispose();
    }
}
