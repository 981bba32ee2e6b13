using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlsConsole.Mls;

/// <summary>
/// The functions of libsodium for X25519, Ed25519 and ChaCha20-Poly1305. They are called directly, because the key
/// objects of a wrapper would double the cost of an operation.
/// </summary>
/// <remarks>
/// The functions take bare pointers and read fixed lengths from them, so every length is checked here first.
/// </remarks>
internal static partial class Sodium
{
    private const string Library = "libsodium";

    static Sodium()
    {
        if (sodium_init() < 0)
            throw new InvalidOperationException("libsodium could not be initialised.");
    }

    [LibraryImport(Library)]
    private static partial int sodium_init();

    [LibraryImport(Library)]
    private static partial int crypto_scalarmult_curve25519(Span<byte> q, ReadOnlySpan<byte> n, ReadOnlySpan<byte> p);

    [LibraryImport(Library)]
    private static partial int crypto_scalarmult_curve25519_base(Span<byte> q, ReadOnlySpan<byte> n);

    [LibraryImport(Library)]
    private static partial int crypto_sign_ed25519_verify_detached(
        ReadOnlySpan<byte> sig,
        ReadOnlySpan<byte> m,
        ulong mlen,
        ReadOnlySpan<byte> pk
    );

    [LibraryImport(Library)]
    private static partial int crypto_sign_ed25519_detached(
        Span<byte> sig,
        IntPtr siglen,
        ReadOnlySpan<byte> m,
        ulong mlen,
        ReadOnlySpan<byte> sk
    );

    [LibraryImport(Library)]
    private static partial int crypto_sign_ed25519_seed_keypair(Span<byte> pk, Span<byte> sk, ReadOnlySpan<byte> seed);

    [LibraryImport(Library)]
    private static partial int crypto_aead_chacha20poly1305_ietf_encrypt(
        Span<byte> c,
        IntPtr clen,
        ReadOnlySpan<byte> m,
        ulong mlen,
        ReadOnlySpan<byte> ad,
        ulong adlen,
        IntPtr nsec,
        ReadOnlySpan<byte> npub,
        ReadOnlySpan<byte> k
    );

    [LibraryImport(Library)]
    private static partial int crypto_aead_chacha20poly1305_ietf_decrypt(
        Span<byte> m,
        IntPtr mlen,
        IntPtr nsec,
        ReadOnlySpan<byte> c,
        ulong clen,
        ReadOnlySpan<byte> ad,
        ulong adlen,
        ReadOnlySpan<byte> npub,
        ReadOnlySpan<byte> k
    );

    /// <summary>
    /// Computes the Diffie-Hellman result. False if the result is zero, which only points of low order give.
    /// </summary>
    public static bool X25519(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> shared)
    {
        Need(privateKey.Length, 32);
        Need(publicKey.Length, 32);
        Need(shared.Length, 32);
        return crypto_scalarmult_curve25519(shared, privateKey, publicKey) == 0;
    }

    public static void X25519Base(ReadOnlySpan<byte> privateKey, Span<byte> publicKey)
    {
        Need(privateKey.Length, 32);
        Need(publicKey.Length, 32);
        _ = crypto_scalarmult_curve25519_base(publicKey, privateKey);
    }

    public static bool Ed25519Verify(
        ReadOnlySpan<byte> publicKey,
        ReadOnlySpan<byte> message,
        ReadOnlySpan<byte> signature
    )
    {
        Need(publicKey.Length, 32);
        Need(signature.Length, 64);
        return crypto_sign_ed25519_verify_detached(signature, message, (ulong)message.Length, publicKey) == 0;
    }

    public static void Ed25519Sign(
        ReadOnlySpan<byte> seedAndPublicKey,
        ReadOnlySpan<byte> message,
        Span<byte> signature
    )
    {
        Need(seedAndPublicKey.Length, 64);
        Need(signature.Length, 64);
        _ = crypto_sign_ed25519_detached(signature, IntPtr.Zero, message, (ulong)message.Length, seedAndPublicKey);
    }

    public static void Ed25519FromSeed(ReadOnlySpan<byte> seed, Span<byte> publicKey, Span<byte> seedAndPublicKey)
    {
        Need(seed.Length, 32);
        Need(publicKey.Length, 32);
        Need(seedAndPublicKey.Length, 64);
        _ = crypto_sign_ed25519_seed_keypair(publicKey, seedAndPublicKey, seed);
    }

    public static void ChaCha20Poly1305Seal(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> plaintext,
        Span<byte> output
    )
    {
        Need(key.Length, 32);
        Need(nonce.Length, 12);
        Need(output.Length, plaintext.Length + 16);
        _ = crypto_aead_chacha20poly1305_ietf_encrypt(
            output,
            IntPtr.Zero,
            plaintext,
            (ulong)plaintext.Length,
            additionalData,
            (ulong)additionalData.Length,
            IntPtr.Zero,
            nonce,
            key
        );
    }

    /// <summary>
    /// Decrypts into <paramref name="plaintext"/>. False, and nothing is decrypted, if the tag does not fit the
    /// ciphertext.
    /// </summary>
    public static bool ChaCha20Poly1305Open(
        ReadOnlySpan<byte> key,
        ReadOnlySpan<byte> nonce,
        ReadOnlySpan<byte> additionalData,
        ReadOnlySpan<byte> ciphertextAndTag,
        Span<byte> plaintext
    )
    {
        Need(key.Length, 32);
        Need(nonce.Length, 12);
        Need(ciphertextAndTag.Length, plaintext.Length + 16);
        // A null pointer for the plaintext asks libsodium only to verify the tag. An empty plaintext has no other
        // pointer, and for it verifying is all there is to do.
        return crypto_aead_chacha20poly1305_ietf_decrypt(
                plaintext,
                IntPtr.Zero,
                IntPtr.Zero,
                ciphertextAndTag,
                (ulong)ciphertextAndTag.Length,
                additionalData,
                (ulong)additionalData.Length,
                nonce,
                key
            ) == 0;
    }

    private static void Need(int length, int needed, [CallerArgumentExpression(nameof(length))] string? name = null)
    {
        if (length != needed)
            throw new ArgumentException($"{name} is {length}, not {needed}.");
    }
}
