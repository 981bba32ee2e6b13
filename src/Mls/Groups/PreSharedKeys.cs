using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>External pre-shared keys by their id, as the application knows them (RFC 9420 §8.4).</summary>
public sealed class PreSharedKeys : IDisposable
{
    private readonly Dictionary<ReadOnlyMemory<byte>, byte[]> _keys = new(PublicKeySet.BytesComparer.Instance);

    /// <summary>Adds a copy of a key, in the place of one with the same id.</summary>
    /// <param name="id">Its psk_id.</param>
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
