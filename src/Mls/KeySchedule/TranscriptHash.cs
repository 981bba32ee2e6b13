namespace MlsConsole.Mls;

/// <summary>Transcript hashes, RFC 9420 §8.2.</summary>
internal static class TranscriptHash
{
    // ConfirmedTranscriptHashInput: struct { WireFormat wire_format; FramedContent content; opaque signature<V>; }
    // confirmed_transcript_hash[epoch] =
    //     Hash(interim_transcript_hash[epoch - 1] || ConfirmedTranscriptHashInput[epoch])
    public static byte[] Confirmed(CipherSuite suite, ReadOnlySpan<byte> interim, AuthenticatedContent commit)
    {
        var input = new TlsWriter(commit.Content.Encoded.Length + 256)
            .WriteRaw(interim)
            .WriteUInt16((ushort)commit.WireFormat)
            .WriteRaw(commit.Content.Encoded.Span)
            .WriteOpaque(commit.Auth.Signature.Span);
        return suite.Hash(input.WrittenSpan);
    }

    // interim_transcript_hash[epoch] = Hash(confirmed_transcript_hash[epoch] || struct { MAC confirmation_tag; })
    public static byte[] Interim(CipherSuite suite, ReadOnlySpan<byte> confirmed, ReadOnlySpan<byte> confirmationTag) =>
        suite.Hash(new TlsWriter(192).WriteRaw(confirmed).WriteOpaque(confirmationTag).WrittenSpan);
}
