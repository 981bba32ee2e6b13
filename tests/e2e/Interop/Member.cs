namespace MlsConsole.E2e.Interop;

/// <summary>What a member says of its epoch; members of one group must be equal in all of it.</summary>
internal sealed record EpochView(ulong Epoch, string TreeHash, string Authenticator, string Exported, string Members)
{
    public const string Label = "interop";
    public const int Length = 48;
    public static ReadOnlySpan<byte> Context => "a context"u8;
}

/// <summary>One proposal.</summary>
/// <param name="Add">Adds the client of a key package.</param>
/// <param name="Remove">Removes a leaf.</param>
/// <param name="PreSharedKey">Mixes in an external key, by its id.</param>
/// <param name="Resumption">Mixes in the group's resumption key of an epoch.</param>
/// <param name="Require">
/// Makes required_capabilities with this extension type the only extension of the GroupContext.
/// </param>
/// <param name="Update">Brings a new key for the sender's own leaf.</param>
internal sealed record Change(
    byte[]? Add = null,
    uint? Remove = null,
    byte[]? PreSharedKey = null,
    ulong? Resumption = null,
    ushort? Require = null,
    bool Update = false
)
{
    /// <summary>RFC 9420 §11.1: the types of extensions, proposals and credentials.</summary>
    public byte[] RequiredCapabilities => [2, (byte)(Require!.Value >> 8), (byte)Require.Value, 0, 0];
}

/// <summary>
/// What came of a message: the text of an application message, or that a commit removed the receiver.
/// </summary>
internal sealed record Outcome(string? Text, bool Removed);

/// <summary>
/// A client in at most one group, of this library or of ts-mls. Bytes are all that passes between two of them.
/// </summary>
internal abstract class Member(string name) : IDisposable
{
    public string Name => name;

    public abstract Task<byte[]> KeyPackage();
    public abstract Task Create(byte[] groupId);
    public abstract Task Join(byte[] welcome, byte[]? tree);

    /// <summary>
    /// The commit; with <paramref name="resync"/> it removes the leaf that has this client's identity.
    /// </summary>
    public abstract Task<byte[]> JoinExternally(byte[] groupInfo, bool resync);

    /// <summary>Commits what was proposed in the epoch and <paramref name="changes"/>; in force at once.</summary>
    public abstract Task<(byte[] Commit, byte[]? Welcome)> Commit(
        bool encrypted,
        bool treeInWelcome,
        params Change[] changes
    );
    public abstract Task<byte[]> Propose(Change change, bool encrypted);

    /// <summary>This client's own wish to be added, before it is a member.</summary>
    public abstract Task<byte[]> ProposeJoin(byte[] groupInfo);
    public abstract Task<byte[]> GroupInfo();
    public abstract Task<byte[]> Tree();
    public abstract Task<byte[]> Send(string text, byte[] authenticatedData);
    public abstract Task<Outcome> Receive(byte[] message);
    public abstract Task AddPreSharedKey(byte[] id, byte[] secret);
    public abstract Task<EpochView> View();
    public abstract Task<uint> OwnLeaf();
    public abstract void Dispose();
}
