using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The external pre-shared keys that the application knows, by their id (RFC 9420 §8.4).</summary>
public sealed class PreSharedKeys : IDisposable
{
    private readonly Dictionary<ReadOnlyMemory<byte>, byte[]> _keys = new(PublicKeySet.BytesComparer.Instance);

    /// <summary>Adds a copy of a key. It replaces a key with the same id.</summary>
    /// <param name="id">The psk_id of the key.</param>
    /// <param name="secret">The key, of any length.</param>
    public PreSharedKeys Add(ReadOnlyMemory<byte> id, ReadOnlySpan<byte> secret)
    {
        _keys[id.ToArray()] = secret.ToArray();
        return this;
    }

    internal byte[]? Find(ReadOnlyMemory<byte> id) => _keys.GetValueOrDefault(id);

    /// <summary>Zeroes all keys.</summary>
    public void Dispose()
    {
        foreach (var secret in _keys.Values)
            CryptographicOperations.ZeroMemory(secret);
        _keys.Clear();
    }
}
