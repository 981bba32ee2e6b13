using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>The derivation of psk_secret, RFC 9420 §8.4.</summary>
internal static class PreSharedKeySecret
{
    /// <summary>
    /// Derives psk_secret from the pre-shared keys of a commit, in the order of their proposals. Without pre-shared
    /// keys it is all zero.
    /// </summary>
    /// <remarks>
    /// <code>
    /// psk_extracted_[i] = KDF.Extract(0, psk_[i])
    /// psk_input_[i]     = ExpandWithLabel(psk_extracted_[i], "derived psk", PSKLabel, KDF.Nh)
    /// psk_secret_[i]    = KDF.Extract(psk_input_[i-1], psk_secret_[i-1])
    /// struct { PreSharedKeyID id; uint16 index; uint16 count; } PSKLabel;
    /// </code>
    /// </remarks>
    public static byte[] Derive(CipherSuite suite, IReadOnlyList<(PreSharedKeyId Id, ReadOnlyMemory<byte> Secret)> keys)
    {
        var zero = new byte[suite.HashLength];
        var secret = new byte[suite.HashLength];
        for (int i = 0; i < keys.Count; i++)
        {
            var label = new TlsWriter(96);
            keys[i].Id.Write(label);
            label.WriteUInt16(checked((ushort)i)).WriteUInt16(checked((ushort)keys.Count));
            var extracted = suite.Extract(zero, keys[i].Secret.Span);
            var input = suite.ExpandWithLabel(extracted, "derived psk", label.WrittenSpan, suite.HashLength);
            CryptographicOperations.ZeroMemory(extracted);
            var next = suite.Extract(input, secret);
            CryptographicOperations.ZeroMemory(input);
            CryptographicOperations.ZeroMemory(secret);
            secret = next;
        }
        return secret;
    }
}
