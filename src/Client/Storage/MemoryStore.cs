using System.Security.Cryptography;

namespace MlsConsole.Clients;

/// <summary>
/// Keeps everything in memory. The state is gone with the process; the next one recovers its conversations by external
/// commits.
/// </summary>
public sealed class MemoryStore : MlsStore
{
    private readonly Dictionary<string, byte[]> _entries = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly byte[] _stateKey = RandomNumberGenerator.GetBytes(32);

    internal override ReadOnlyMemory<byte> StateKey => _stateKey;

    internal override ValueTask<byte[]?> ReadAsync(string name, CancellationToken cancellation)
    {
        lock (_lock)
            return new(_entries.GetValueOrDefault(name));
    }

    internal override ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> ListAsync(
        string folder,
        CancellationToken cancellation
    )
    {
        lock (_lock)
            return new([.. _entries.Where(entry => entry.Key.StartsWith(folder, StringComparison.Ordinal))]);
    }

    internal override ValueTask WriteAsync(CancellationToken cancellation, params IReadOnlyList<StoreEntry> entries)
    {
        lock (_lock)
        {
            foreach (var (name, value) in entries)
            {
                if (value is null)
                    _entries.Remove(name);
                else
                    _entries[name] = value;
            }
        }
        return default;
    }

    /// <summary>Forgets all entries, and zeroes the key that secrets are sealed with.</summary>
    public override ValueTask DisposeAsync()
    {
        lock (_lock)
            _entries.Clear();
        CryptographicOperations.ZeroMemory(_stateKey);
        return base.DisposeAsync();
    }
}
