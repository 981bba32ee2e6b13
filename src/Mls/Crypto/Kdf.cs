using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>A hash with its HMAC and HKDF (RFC 5869), and the labelled forms that HPKE gives HKDF (RFC 9180 §4).</summary>
internal sealed class Kdf
{
    /// <summary>The longest hash of any suite.</summary>
    public const int MaximumLength = 64;

    [ThreadStatic]
    private static IncrementalHash?[]? t_contexts;

    private readonly HashAlgorithmName _hash;

    private Kdf(ushort id, HashAlgorithmName hash, int length) => (Id, _hash, Length) = (id, hash, length);

    public static Kdf Sha256 { get; } = new(1, HashAlgorithmName.SHA256, 32);
    public static Kdf Sha384 { get; } = new(2, HashAlgorithmName.SHA384, 48);
    public static Kdf Sha512 { get; } = new(3, HashAlgorithmName.SHA512, 64);

    /// <summary>HPKE's number, RFC 9180 §7.2.</summary>
    public ushort Id { get; }

    /// <summary>Nh: bytes of a hash.</summary>
    public int Length { get; }

    /// <summary>With a context that each thread keeps, for what is not secret: a tree takes three short hashes for each member, and a context made for each costs a quarter of it.</summary>
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
    /// <remarks>Not the platform's, which fails on keys shorter than a hash (a secret out of a message may be one, and must only lead nowhere) and on info above 32 KiB (a GroupContext may be longer).</remarks>
    public void Expand(ReadOnlySpan<byte> prk, ReadOnlySpan<byte> info, Span<byte> destination)
    {
        if (destination.Length > 255 * Length)
            throw new ArgumentOutOfRangeException(nameof(destination), $"HKDF gives at most {255 * Length} bytes.");
        using var input = new Scratch(stackalloc byte[Scratch.StackSize]);
        // T(i-1) || info || i, taken at once so that the spans into it stay where they are.
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
