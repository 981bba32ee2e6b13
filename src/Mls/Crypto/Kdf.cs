using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>
/// A hash function with its HMAC and HKDF (RFC 5869), and the labelled forms that HPKE gives HKDF (RFC 9180 §4).
/// </summary>
internal sealed class Kdf
{
    /// <summary>The longest hash of any suite, in bytes.</summary>
    public const int MaximumLength = 64;

    [ThreadStatic]
    private static IncrementalHash?[]? t_contexts;

    private readonly HashAlgorithmName _hash;

    private Kdf(ushort id, HashAlgorithmName hash, int length) => (Id, _hash, Length) = (id, hash, length);

    public static Kdf Sha256 { get; } = new(1, HashAlgorithmName.SHA256, 32);
    public static Kdf Sha384 { get; } = new(2, HashAlgorithmName.SHA384, 48);
    public static Kdf Sha512 { get; } = new(3, HashAlgorithmName.SHA512, 64);

    /// <summary>The number that RFC 9180 §7.2 gives the KDF.</summary>
    public ushort Id { get; }

    /// <summary>Nh: length of a hash in bytes.</summary>
    public int Length { get; }

    /// <summary>Hashes data that is not secret, with a hash context that each thread keeps.</summary>
    /// <remarks>
    /// The tree hash takes three short hashes for each member, and making a context for each of them would cost a
    /// quarter of the time.
    /// </remarks>
    public void Hash(ReadOnlySpan<byte> data, Span<byte> destination)
    {
        var hash = destination[..Length];
        var context = (t_contexts ??= new IncrementalHash?[4])[Id] ??= IncrementalHash.CreateHash(_hash);
        context.AppendData(data);
        context.GetHashAndReset(hash);
    }

    public void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> destination) =>
        CryptographicOperations.HmacData(_hash, key, data, destination);

    public void Extract(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> inputKeyingMaterial, Span<byte> destination) =>
        Mac(salt, inputKeyingMaterial, destination);

    /// <summary>HKDF-Expand.</summary>
    /// <remarks>
    /// The platform's HKDF.Expand is not used because it fails on keys that are shorter than a hash, and on info above
    /// 32 KiB. A secret that comes out of a message may be that short, and must only lead to a failed decryption; a
    /// GroupContext may be longer than 32 KiB.
    /// </remarks>
    public void Expand(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> info, Span<byte> destination)
    {
        if (destination.Length > 255 * Length)
            throw new ArgumentOutOfRangeException(nameof(destination), $"HKDF gives at most {255 * Length} bytes.");
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        // T(i-1) || info || i. The whole length is taken at once, so that the spans into the buffer stay valid.
        var whole = input.Grow(Length + info.Length + 1);
        var previous = whole[..Length];
        info.CopyTo(whole[Length..]);
        whole[^1] = 0;
        Span<byte> block = stackalloc byte[MaximumLength];
        block = block[..Length];
        for (int done = 0; done < destination.Length; )
        {
            whole[^1]++;
            Mac(prk, done == 0 ? whole[Length..] : whole, block);
            int count = Math.Min(Length, destination.Length - done);
            block[..count].CopyTo(destination[done..]);
            block.CopyTo(previous);
            done += count;
        }
        CryptographicOperations.ZeroMemory(block);
    }

    public void LabeledExtract(
        ReadOnlySpan<byte> suiteId,
        ReadOnlySpan<byte> salt,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> inputKeyingMaterial,
        Span<byte> destination
    )
    {
        using var labeled = new Scratch(stackalloc byte[Scratch.StackSize]);
        labeled.Append("HPKE-v1"u8);
        labeled.Append(suiteId);
        labeled.Append(label);
        labeled.Append(inputKeyingMaterial);
        Extract(salt, labeled.Written, destination);
    }

    public void LabeledExpand(
        ReadOnlySpan<byte> suiteId,
        ReadOnlySpan<byte> prk,
        ReadOnlySpan<byte> label,
        ReadOnlySpan<byte> info,
        Span<byte> destination
    )
    {
        using var labeled = new Scratch(stackalloc byte[Scratch.StackSize]);
        labeled.AppendUInt16(destination.Length);
        labeled.Append("HPKE-v1"u8);
        labeled.Append(suiteId);
        labeled.Append(label);
        labeled.Append(info);
        Expand(prk, labeled.Written, destination);
    }
}
