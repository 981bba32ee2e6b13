namespace MlsConsole.E2e.Interop;

/// <summary>What a member says of its epoch; members of one group must be equal in all of it.</summary>
internal sealed record EpochView(ulong Epoch, string TreeHash, string Authenticator, string Exported, string Members)
{
    public const string Label = "interop";
    public const int Length = 48;
    public static ReadOnlySpan<byte> Context => "a context"u8;
}

/// <summary>What a member proposes: a key package to add, a leaf to remove, a pre-shared key by its id, or an Update of its own leaf.</summary>
internal sealed record Change(byte[]? Add = null, uint? Remove = null, byte[]? PreSharedKey = null, bool Update = false);

/// <summary>What came of a message: the text of an application message, or that a commit removed the receiver.</summary>
internal sealed record Outcome(string? Text, bool Removed);

/// <summary>A client in at most one group, of this library or of ts-mls. Bytes are all that passes between two of them.</summary>
internal abstract class Member(string name) : IDisposable
{
    public string Name => name;

    public abstract Task<byte[]> KeyPackage();
    public abstract Task Create(byte[] groupId);
    public abstract Task Join(byte[] welcome, byte[]? tree);
    /// <summary>The commit; with <paramref name="resync"/> it removes the leaf that has this client's identity.</summary>
    public abstract Task<byte[]> JoinExternally(byte[] groupInfo, bool resync);
    /// <summary>Commits what was proposed in the epoch and <paramref name="changes"/>; in force at once.</summary>
    public abstract Task<(byte[] Commit, byte[]? Welcome)> Commit(bool encrypted, bool treeInWelcome, params Change[] changes);
    public abstract Task<byte[]> Propose(Change change, bool encrypted);
    public abstract Task<byte[]> GroupInfo();
    public abstract Task<byte[]> Tree();
    public abstract Task<byte[]> Send(string text, byte[] authenticatedData);
    public abstract Task<Outcome> Receive(byte[] message);
    public abstract Task AddPreSharedKey(byte[] id, byte[] secret);
    public abstract Task<EpochView> View();
    public abstract Task<uint> OwnLeaf();
    public abstract void Dispose();
}
