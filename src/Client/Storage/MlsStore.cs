namespace MlsConsole.Clients;

/// <summary>Where a client keeps its keys, its groups and its place in the stream of events.</summary>
public abstract class MlsStore : IAsyncDisposable
{
    // An entry has a name, which is a path such as group/CONVERSATION, and a value of bytes. For each kind of entry a
    // record in this folder (StoredGroup, StoredLeave, ...) knows the name and the layout of the bytes.

    /// <summary>32 bytes with which keys and groups are sealed before they are written into the store.</summary>
    internal abstract ReadOnlyMemory<byte> StateKey { get; }

    /// <summary>Reads the value of an entry; null where there is no entry of that name.</summary>
    internal abstract ValueTask<byte[]?> ReadAsync(string name, CancellationToken cancellation);

    /// <summary>Reads all entries whose name starts with a folder, such as <c>group/</c>.</summary>
    internal abstract ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> ListAsync(
        string folder,
        CancellationToken cancellation
    );

    /// <summary>Writes entries, and deletes those whose value is null: all of them or, where it fails, none.</summary>
    internal abstract ValueTask WriteAsync(CancellationToken cancellation, params IReadOnlyList<StoreEntry> entries);

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }
}
