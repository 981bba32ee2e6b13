namespace MlsConsole.Clients;

/// <summary>Where a client keeps its keys, groups and places. Names are paths such as <c>group/CONVO</c>; a write happens as a whole or not at all.</summary>
public abstract class MlsStore : IAsyncDisposable
{
    /// <summary>32 bytes for what is sealed before it gets here.</summary>
    internal abstract ReadOnlyMemory<byte> StateKey { get; }

    internal abstract ValueTask<byte[]?> ReadAsync(string name, CancellationToken cancellation);

    /// <summary>All entries whose name starts with a folder, such as <c>group/</c>.</summary>
    internal abstract ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> ListAsync(
        string folder,
        CancellationToken cancellation
    );

    /// <summary>Writes entries, and deletes those whose value is null.</summary>
    internal abstract ValueTask WriteAsync(
        CancellationToken cancellation,
        params IReadOnlyList<KeyValuePair<string, byte[]?>> entries
    );

    /// <inheritdoc/>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }
}
