using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// DHKEM over a NIST curve. Public keys are uncompressed points, private keys are big-endian scalars (RFC 9180 §7.1.1,
/// §7.1.2).
/// </summary>
/// <param name="id">The number that RFC 9180 §7.1 gives the KEM.</param>
/// <param name="curve">The curve.</param>
/// <param name="kdf">The KDF of the KEM, which may differ from that of the cipher suite.</param>
/// <param name="mask">
/// The bits that the first byte of a scalar can have, for deriving key pairs (RFC 9180 §7.1.3).
/// </param>
internal sealed class NistKem(ushort id, NistCurve curve, Kdf kdf, byte mask)
    : DiffieHellmanKem(id, kdf, 1 + 2 * curve.FieldLength, curve.FieldLength)
{
    protected override bool Agree(
        ReadOnlySpan<byte> privateKey,
        ReadOnlySpan<byte> peer,
        Span<byte> shared,
        Span<byte> ownPublicKey
    )
    {
        if (!curve.IsScalar(privateKey) || !curve.IsPoint(peer))
            return false;
        using var ours = curve.ImportEcdh(privateKey);
        return Agree(ours, peer, shared, ownPublicKey);
    }

    protected override bool AgreeOnce(ReadOnlySpan<byte> peer, Span<byte> shared, Span<byte> ownPublicKey)
    {
        if (!curve.IsPoint(peer))
            return false;
        using var ours = curve.CreateEcdh();
        return Agree(ours, peer, shared, ownPublicKey);
    }

    private bool Agree(ECDiffieHellman ours, ReadOnlySpan<byte> peer, Span<byte> shared, Span<byte> ownPublicKey)
    {
        using var theirs = ECDiffieHellman.Create(curve.Point(peer));
        var x = ours.DeriveRawSecretAgreement(theirs.PublicKey);
        x.CopyTo(shared[(shared.Length - x.Length)..]);
        CryptographicOperations.ZeroMemory(x);
        NistCurve.Encode(ours.ExportParameters(false).Q).CopyTo(ownPublicKey);
        return true;
    }

    public override bool IsWellFormed(ReadOnlySpan<byte> publicKey) => curve.IsPoint(publicKey);

    public override SecretKeyPair Generate()
    {
        using var key = curve.CreateEcdh();
        var parameters = key.ExportParameters(true);
        return new(NistCurve.Encode(parameters.Q), parameters.D!);
    }

    protected override SecretKeyPair DeriveFrom(ReadOnlySpan<byte> prk)
    {
        var candidate = new byte[curve.FieldLength];
        for (int counter = 0; counter < 256; counter++)
        {
            LabeledExpand(prk, "candidate"u8, [(byte)counter], candidate);
            candidate[0] &= mask;
            if (!curve.IsScalar(candidate))
                continue;
            using var key = curve.ImportEcdh(candidate);
            return new(NistCurve.Encode(key.ExportParameters(false).Q), candidate);
        }
        throw new CryptographicException("No scalar was derived in 256 attempts (RFC 9180 §7.1.3).");
    }
}
