using System.Runtime.InteropServices;

namespace MlsConsole.Mls;

/// <summary>libsodium's functions for the 25519 curves, called directly: NSec's key objects cost as much again as the operation.</summary>
internal static partial class Sodium
{
    private const string Library = "libsodium";

    static Sodium()
    {
        if (sodium_init() < 0) throw new InvalidOperationException("libsodium could not be initialised.");
    }

    /// <summary>Makes sure that the static constructor has run.</summary>
    public static void Load() { }

    [LibraryImport(Library)] private static partial int sodium_init();
    [LibraryImport(Library)] private static partial int crypto_scalarmult_curve25519(Span<byte> q, ReadOnlySpan<byte> n, ReadOnlySpan<byte> p);
    [LibraryImport(Library)] private static partial int crypto_scalarmult_curve25519_base(Span<byte> q, ReadOnlySpan<byte> n);
    [LibraryImport(Library)] private static partial int crypto_sign_ed25519_verify_detached(ReadOnlySpan<byte> sig, ReadOnlySpan<byte> m, ulong mlen, ReadOnlySpan<byte> pk);
    [LibraryImport(Library)] private static partial int crypto_sign_ed25519_detached(Span<byte> sig, IntPtr siglen, ReadOnlySpan<byte> m, ulong mlen, ReadOnlySpan<byte> sk);
    [LibraryImport(Library)] private static partial int crypto_sign_ed25519_seed_keypair(Span<byte> pk, Span<byte> sk, ReadOnlySpan<byte> seed);

    /// <summary>False for a result of zero, which only points of low order give.</summary>
    public static bool X25519(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> publicKey, Span<byte> shared) =>
        crypto_scalarmult_curve25519(shared, privateKey, publicKey) == 0;

    public static void X25519Base(ReadOnlySpan<byte> privateKey, Span<byte> publicKey) => _ = crypto_scalarmult_curve25519_base(publicKey, privateKey);

    public static bool Ed25519Verify(ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature) =>
        crypto_sign_ed25519_verify_detached(signature, message, (ulong)message.Length, publicKey) == 0;

    public static void Ed25519Sign(ReadOnlySpan<byte> seedAndPublicKey, ReadOnlySpan<byte> message, Span<byte> signature) =>
        _ = crypto_sign_ed25519_detached(signature, IntPtr.Zero, message, (ulong)message.Length, seedAndPublicKey);

    public static void Ed25519FromSeed(ReadOnlySpan<byte> seed, Span<byte> publicKey, Span<byte> seedAndPublicKey) =>
        _ = crypto_sign_ed25519_seed_keypair(publicKey, seedAndPublicKey, seed);
}
