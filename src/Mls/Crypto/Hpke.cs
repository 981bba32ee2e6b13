using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>HPKE in base mode, RFC 9180 §5: single-shot encryption and the exporter, as RFC 9420 uses them.</summary>
internal sealed class Hpke
{
    private readonly Kem _kem;
    private readonly Kdf _kdf;
    private readonly Aead _aead;
    private readonly byte[] _suiteId;

    // mode_base || psk_id_hash: the start of the key schedule context, the same for every message without a pre-shared
    // key.
    private readonly byte[] _contextStart;

    public Hpke(Kem kem, Kdf kdf, Aead aead)
    {
        (_kem, _kdf, _aead) = (kem, kdf, aead);
        _suiteId =
        [
            .. "HPKE"u8,
            (byte)(kem.Id >> 8),
            (byte)kem.Id,
            (byte)(kdf.Id >> 8),
            (byte)kdf.Id,
            (byte)(aead.Id >> 8),
            (byte)aead.Id,
        ];
        _contextStart = new byte[1 + kdf.Length];
        kdf.LabeledExtract(_suiteId, default, "psk_id_hash"u8, [], _contextStart.AsSpan(1));
    }

    /// <summary>Encrypts one message to a public key; null if the public key is malformed.</summary>
    public (byte[] KemOutput, byte[] Ciphertext)? Seal(
        ReadOnlySpan<byte> publicKey,
        ReadOnlySpan<byte> info,
        ReadOnlySpan<byte> plaintext
    )
    {
        Span<byte> shared = stackalloc byte[_kem.SecretLength];
        if (_kem.Encapsulate(publicKey, shared) is not { } output)
            return null;
        Span<byte> key = stackalloc byte[_aead.KeyLength],
            nonce = stackalloc byte[Aead.NonceLength];
        Schedule(shared, info, key, nonce, []);
        var ciphertext = _aead.Seal(key, nonce, [], plaintext);
        CryptographicOperations.ZeroMemory(key);
        return (output, ciphertext);
    }

    /// <summary>
    /// Decrypts one message. Null if a key, the KEM output or the ciphertext is malformed, or the ciphertext does not
    /// authenticate.
    /// </summary>
    public byte[]? Open(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> info,
        ReadOnlySpan<byte> kemOutput,
        ReadOnlySpan<byte> ciphertext
    )
    {
        Span<byte> shared = stackalloc byte[_kem.SecretLength];
        if (!_kem.Decapsulate(privateKey, kemOutput, shared))
            return null;
        Span<byte> key = stackalloc byte[_aead.KeyLength],
            nonce = stackalloc byte[Aead.NonceLength];
        Schedule(shared, info, key, nonce, []);
        var plaintext = _aead.Open(key, nonce, [], ciphertext);
        CryptographicOperations.ZeroMemory(key);
        return plaintext;
    }

    /// <summary>
    /// Derives a secret that only the holder of the private key can derive too; null if the public key is malformed.
    /// </summary>
    public (byte[] KemOutput, byte[] Exported)? ExportSend(
        ReadOnlySpan<byte> publicKey,
        ReadOnlySpan<byte> context,
        int length
    )
    {
        Span<byte> shared = stackalloc byte[_kem.SecretLength];
        return _kem.Encapsulate(publicKey, shared) is { } output ? (output, Export(shared, context, length)) : null;
    }

    /// <summary>
    /// Derives the secret of <see cref="ExportSend"/> again; null if a key or the KEM output is malformed.
    /// </summary>
    public byte[]? ExportReceive(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> kemOutput,
        ReadOnlySpan<byte> context,
        int length
    )
    {
        Span<byte> shared = stackalloc byte[_kem.SecretLength];
        return _kem.Decapsulate(privateKey, kemOutput, shared) ? Export(shared, context, length) : null;
    }

    // RFC 9180 §5.3, Context.Export.
    private byte[] Export(Span<byte> shared, ReadOnlySpan<byte> context, int length)
    {
        Span<byte> exporter = stackalloc byte[_kdf.Length];
        Schedule(shared, [], [], [], exporter);
        var exported = new byte[length];
        _kdf.LabeledExpand(_suiteId, exporter, "sec"u8, context, exported);
        CryptographicOperations.ZeroMemory(exporter);
        return exported;
    }

    // KeySchedule of RFC 9180 §5.1, in mode_base without a pre-shared key. Fills those of the given buffers that are
    // not empty, and zeroes the shared secret.
    private void Schedule(
        Span<byte> shared,
        ReadOnlySpan<byte> info,
        Span<byte> key,
        Span<byte> nonce,
        Span<byte> exporter
    )
    {
        Span<byte> context = stackalloc byte[1 + 2 * _kdf.Length],
            secret = stackalloc byte[_kdf.Length];
        _contextStart.CopyTo(context);
        _kdf.LabeledExtract(_suiteId, default, "info_hash"u8, info, context[_contextStart.Length..]);
        _kdf.LabeledExtract(_suiteId, shared, "secret"u8, [], secret);
        CryptographicOperations.ZeroMemory(shared);
        if (!key.IsEmpty)
            _kdf.LabeledExpand(_suiteId, secret, "key"u8, context, key);
        if (!nonce.IsEmpty)
            _kdf.LabeledExpand(_suiteId, secret, "base_nonce"u8, context, nonce);
        if (!exporter.IsEmpty)
            _kdf.LabeledExpand(_suiteId, secret, "exp"u8, context, exporter);
        CryptographicOperations.ZeroMemory(secret);
    }
}
