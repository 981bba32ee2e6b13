using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// The resumption_psk of the epochs that a member was in, by group id and epoch (RFC 9420 §8.6). They are zeroed on
/// dispose.
/// </summary>
internal sealed class ResumptionKeys : IDisposable
{
    /// <summary>How many epochs are remembered. The oldest is forgotten first.</summary>
    public const int Limit = 16;

    private readonly List<(ReadOnlyMemory<byte> GroupId, ulong Epoch, byte[] Secret)> _keys = [];

    public IReadOnlyList<(ReadOnlyMemory<byte> GroupId, ulong Epoch, byte[] Secret)> Items => _keys;

    /// <summary>Adds a copy of a key.</summary>
    public void Add(ReadOnlyMemory<byte> groupId, ulong epoch, ReadOnlySpan<byte> secret)
    {
        _keys.Add((groupId, epoch, secret.ToArray()));
        if (_keys.Count <= Limit)
            return;
        CryptographicOperations.ZeroMemory(_keys[0].Secret);
        _keys.RemoveAt(0);
    }

    public byte[]? Find(ReadOnlySpan<byte> groupId, ulong epoch)
    {
        foreach (var key in _keys)
            if (key.Epoch == epoch && key.GroupId.Span.SequenceEqual(groupId))
                return key.Secret;
        return null;
    }

    public void Dispose()
    {
        foreach (var (_, _, secret) in _keys)
            CryptographicOperations.ZeroMemory(secret);
        _keys.Clear();
    }
}
