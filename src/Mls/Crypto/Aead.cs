using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The AEADs of RFC 9420's suites; all have a 12-byte nonce and a 16-byte tag behind the ciphertext.</summary>
internal sealed class Aead
{
    public const int NonceLength = 12,
        TagLength = 16;

    /// <summary>The longest key of any suite.</summary>
    public const int MaximumKeyLength = 32;

    private readonly bool _chaCha;

    private Aead(ushort id, int keyLength, bool chaCha) => (Id, KeyLength, _chaCha) = (id, keyLength, chaCha);

    /// <summary>HPKE's number, RFC 9180 §7.3.</summary>
    public ushort Id { get; }
    public int KeyLength { get; }

    public static Aead Aes128Gcm { get; } = new(1, 16, false);
    public static Aead Aes256Gcm { get; } = new(2, 32, false);
    public static Aead ChaCha20Poly1305 { get; } = new(3, 32, true);

    public byte[] Seal(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> plaintext
    )
    {
        CheckKey(key, nonce);
        var output = new byte[checked(plaintext.Length + TagLength)];
        if (_chaCha)
        {
            // For the sizes of MLS (secrets, messages) libsodium's takes half of the time of the platform's.
            Sodium.ChaCha20Poly1305Seal(key, nonce, additionalData, plaintext, output);
            return output;
        }
        using var cipher = new AesGcm(key, TagLength);
        cipher.Encrypt(
            nonce,
            plaintext,
            output.AsSpan(0, plaintext.Length),
            output.AsSpan(plaintext.Length),
            additionalData
        );
        return output;
    }

    /// <summary>The plaintext, or null if it does not authenticate.</summary>
    public byte[]? Open(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> ciphertextAndTag
    )
    {
        CheckKey(key, nonce);
        if (ciphertextAndTag.Length < TagLength)
            return null;
        var plaintext = new byte[ciphertextAndTag.Length - TagLength];
        if (_chaCha)
            return Sodium.ChaCha20Poly1305Open(key, nonce, additionalData, ciphertextAndTag, plaintext)
                ? plaintext
                : null;
        using var cipher = new AesGcm(key, TagLength);
        try
        {
            cipher.Decrypt(
                nonce,
                ciphertextAndTag[..plaintext.Length],
                ciphertextAndTag[plaintext.Length..],
                plaintext,
                additionalData
            );
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    // Else an AES-128 suite would take a key for AES-256.
    private void CheckKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        if (key.Length != KeyLength)
            throw new ArgumentException($"The key has {key.Length} bytes, not {KeyLength}.", nameof(key));
        if (nonce.Length != NonceLength)
            throw new ArgumentException($"The nonce has {nonce.Length} bytes, not {NonceLength}.", nameof(nonce));
    }
}
