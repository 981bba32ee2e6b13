using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>Bytes are not a saved state, or a saved state cannot be opened.</summary>
public sealed class SavedStateException : Exception
{
    internal SavedStateException(string id, string message, Exception? inner = null)
        : base(message, inner) => Id = id;

    /// <summary>
    /// <c>state.form</c>: the bytes are not a saved state of this kind. <c>state.version</c>: a later version of this
    /// library has written them. <c>state.sealed</c>: they were saved with another key, or have changed.
    /// </summary>
    public string Id { get; }
}

/// <summary>The envelope of everything that this library saves, encrypted with a key of the application.</summary>
/// <remarks>
/// <code>
/// struct {
///     opaque magic[4] = "MLSS"; uint8 kind; uint8 version; opaque salt[32];
///     opaque sealed[rest];    // AES-256-GCM, with the tag at the end; the fields before are authenticated
/// } SavedState;
/// key[32] || nonce[12] = HKDF-SHA256(salt, key, "MlsConsole.Mls saved state")
/// </code>
/// Because of its random salt each saved state has a key of its own, so that no nonce is ever used twice with a key.
/// </remarks>
internal static class SavedState
{
    public const int KeyLength = 32;

    private const int HeaderLength = 6 + SaltLength,
        SaltLength = 32,
        TagLength = 16;
    private static ReadOnlySpan<byte> Magic => "MLSS"u8;

    public enum Kind : byte
    {
        Group = 1,
        Client = 2,
        KeyPackage = 3,
    }

    /// <summary>Encrypts a state, and zeroes the plaintext in the writer.</summary>
    public static byte[] Seal(Kind kind, byte version, TlsWriter state, ReadOnlySpan<byte> key)
    {
        RequireKey(key);
        var plaintext = state.WrittenSpan;
        var saved = new byte[HeaderLength + plaintext.Length + TagLength];
        Magic.CopyTo(saved);
        (saved[4], saved[5]) = ((byte)kind, version);
        RandomNumberGenerator.Fill(saved.AsSpan(6, SaltLength));
        Span<byte> derived = stackalloc byte[44];
        Derive(key, saved, derived);
        using (var aes = new AesGcm(derived[..32], TagLength))
            aes.Encrypt(
                derived[32..],
                plaintext,
                saved.AsSpan(HeaderLength, plaintext.Length),
                saved.AsSpan(saved.Length - TagLength),
                saved.AsSpan(0, HeaderLength)
            );
        CryptographicOperations.ZeroMemory(derived);
        state.Clear();
        return saved;
    }

    /// <summary>Decrypts a state. The caller zeroes the returned bytes.</summary>
    /// <exception cref="SavedStateException">The state cannot be opened.</exception>
    public static byte[] Open(Kind kind, byte version, ReadOnlySpan<byte> saved, ReadOnlySpan<byte> key)
    {
        RequireKey(key);
        if (saved.Length < HeaderLength + TagLength || !saved.StartsWith(Magic) || saved[4] != (byte)kind)
            throw new SavedStateException("state.form", $"This is not a saved {kind}.");
        if (saved[5] == 0 || saved[5] > version)
            throw new SavedStateException(
                "state.version",
                $"The state has version {saved[5]}; this library reads up to {version}."
            );
        var plaintext = new byte[saved.Length - HeaderLength - TagLength];
        Span<byte> derived = stackalloc byte[44];
        Derive(key, saved, derived);
        try
        {
            using var aes = new AesGcm(derived[..32], TagLength);
            aes.Decrypt(
                derived[32..],
                saved[HeaderLength..^TagLength],
                saved[^TagLength..],
                plaintext,
                saved[..HeaderLength]
            );
            return plaintext;
        }
        catch (AuthenticationTagMismatchException refused)
        {
            throw new SavedStateException(
                "state.sealed",
                "The state does not open with this key, or was changed.",
                refused
            );
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    private static void Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> saved, Span<byte> derived) =>
        HKDF.DeriveKey(
            HashAlgorithmName.SHA256,
            key,
            derived,
            saved.Slice(6, SaltLength),
            "MlsConsole.Mls saved state"u8
        );

    private static void RequireKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeyLength)
            throw new ArgumentException($"The key has {KeyLength} bytes.", nameof(key));
    }
}
