using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// DHKEM, RFC 9180 §4.1. The output of the KEM is the public key of an ephemeral Diffie-Hellman key pair.
/// </summary>
internal abstract class DiffieHellmanKem(ushort id, Kdf kdf, int publicKeyLength, int sharedLength)
    : Kem(id, kdf.Length, publicKeyLength, publicKeyLength)
{
    private readonly byte[] _suiteId = [.. "KEM"u8, (byte)(id >> 8), (byte)id];

    /// <summary>
    /// Computes the Diffie-Hellman result of our private key and the peer's public key, and our own public key. False
    /// for a malformed key or a result of zero.
    /// </summary>
    protected abstract bool Agree(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> peer,
        Span<byte> shared,
        Span<byte> ownPublicKey
    );

    /// <summary>
    /// Computes the Diffie-Hellman result with a newly generated private key that is not kept, and the public key of
    /// it. False for a malformed key or a result of zero.
    /// </summary>
    protected abstract bool AgreeOnce(ReadOnlySpan<byte> peer, Span<byte> shared, Span<byte> ownPublicKey);

    protected abstract SecretKeyPair DeriveFrom(ReadOnlySpan<byte> prk);

    public sealed override byte[]? Encapsulate(ReadOnlySpan<byte> publicKey, Span<byte> secret)
    {
        if (publicKey.Length != PublicKeyLength)
            return null;
        var output = new byte[OutputLength];
        Span<byte> shared = stackalloc byte[sharedLength];
        if (!AgreeOnce(publicKey, shared, output))
            return null;
        ExtractAndExpand(shared, output, publicKey, secret);
        return output;
    }

    public sealed override bool Decapsulate(ReadOnlySpan<byte> privateKey, ReadOnlySpan<byte> output, Span<byte> secret)
    {
        if (output.Length != OutputLength)
            return false;
        Span<byte> shared = stackalloc byte[sharedLength],
            publicKey = stackalloc byte[PublicKeyLength];
        if (!Agree(privateKey, output, shared, publicKey))
            return false;
        ExtractAndExpand(shared, output, publicKey, secret);
        return true;
    }

    public sealed override SecretKeyPair Derive(ReadOnlySpan<byte> inputKeyingMaterial)
    {
        Span<byte> prk = stackalloc byte[kdf.Length];
        kdf.LabeledExtract(_suiteId, default, "dkp_prk"u8, inputKeyingMaterial, prk);
        var pair = DeriveFrom(prk);
        CryptographicOperations.ZeroMemory(prk);
        return pair;
    }

    protected void LabeledExpand(
        ReadOnlySpan<byte> prk,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> info,
        Span<byte> destination
    ) => kdf.LabeledExpand(_suiteId, prk, label, info, destination);

    private void ExtractAndExpand(
        Span<byte> shared,
        ReadOnlySpan<byte> output,
        ReadOnlySpan<byte> publicKey,
        Span<byte> secret
    )
    {
        Span<byte> prk = stackalloc byte[kdf.Length],
            context = stackalloc byte[2 * PublicKeyLength];
        output.CopyTo(context);
        publicKey.CopyTo(context[PublicKeyLength..]);
        kdf.LabeledExtract(_suiteId, default, "eae_prk"u8, shared, prk);
        LabeledExpand(prk, "shared_secret"u8, context, secret);
        CryptographicOperations.ZeroMemory(shared);
        CryptographicOperations.ZeroMemory(prk);
    }
}
