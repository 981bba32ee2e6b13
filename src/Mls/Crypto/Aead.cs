using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// An AEAD of RFC 9420's cipher suites. All of them have a nonce of 12 bytes and a tag of 16 bytes that stands behind
/// the ciphertext.
/// </summary>
internal sealed class Aead
{
    public const int NonceLength = 12,
        TagLength = 16;

    /// <summary>The longest AEAD key of any suite, in bytes.</summary>
    public const int MaximumKeyLength = 32;

    private readonly bool _chaCha;

    private Aead(ushort id, int keyLength, bool chaCha) => (Id, KeyLength, _chaCha) = (id, keyLength, chaCha);

    /// <summary>The number that RFC 9180 §7.3 gives the AEAD.</summary>
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
            // For the sizes that MLS has (secrets, messages), libsodium's implementation takes half of the time of the
            // platform's.
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

    /// <summary>Returns the plaintext, or null if the ciphertext does not authenticate.</summary>
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

    // Without this check an AES-128 suite would accept a key of 32 bytes and encrypt with AES-256.
    private void CheckKey(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce)
    {
        if (key.Length != KeyLength)
            throw new ArgumentException($"The key has {key.Length} bytes, not {KeyLength}.", nameof(key));
        if (nonce.Length != NonceLength)
            throw new ArgumentException($"The nonce has {nonce.Length} bytes, not {NonceLength}.", nameof(nonce));
    }
}
