using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The AEADs of RFC 9420's suites; all have a 12-byte nonce and a 16-byte tag behind the ciphertext.</summary>
internal sealed class Aead
{
    public const int NonceLength = 12, TagLength = 16;
    private readonly bool _chaCha;

    private Aead(ushort id, int keyLength, bool chaCha) => (Id, KeyLength, _chaCha) = (id, keyLength, chaCha);

    /// <summary>HPKE's number, RFC 9180 §7.3.</summary>
    public ushort Id { get; }
    public int KeyLength { get; }

    public static Aead Aes128Gcm { get; } = new(1, 16, false);
    public static Aead Aes256Gcm { get; } = new(2, 32, false);
    public static Aead ChaCha20Poly1305 { get; } = new(3, 32, true);

    public byte[] Seal(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> additionalData, ReadOnlySpan<byte> plaintext)
    {
        var output = new byte[plaintext.Length + TagLength];
        Span<byte> ciphertext = output.AsSpan(0, plaintext.Length), tag = output.AsSpan(plaintext.Length);
        if (_chaCha)
        {
            using var cipher = new ChaCha20Poly1305(key);
            cipher.Encrypt(nonce, plaintext, ciphertext, tag, additionalData);
        }
        else
        {
            using var cipher = new AesGcm(key, TagLength);
            cipher.Encrypt(nonce, plaintext, ciphertext, tag, additionalData);
        }
        return output;
    }

    /// <summary>The plaintext, or null if it does not authenticate.</summary>
    public byte[]? Open(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> additionalData, ReadOnlySpan<byte> ciphertextAndTag)
    {
        if (ciphertextAndTag.Length < TagLength) return null;
        var plaintext = new byte[ciphertextAndTag.Length - TagLength];
        var ciphertext = ciphertextAndTag[..plaintext.Length];
        var tag = ciphertextAndTag[plaintext.Length..];
        try
        {
            if (_chaCha)
            {
                using var cipher = new ChaCha20Poly1305(key);
                cipher.Decrypt(nonce, ciphertext, tag, plaintext, additionalData);
            }
            else
            {
                using var cipher = new AesGcm(key, TagLength);
                cipher.Decrypt(nonce, ciphertext, tag, plaintext, additionalData);
            }
            return plaintext;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }
}
