using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>deserialization.json and messages.json.</summary>
internal static class CodecVectors
{
    public static void VariableLengthHeader(JsonElement test)
    {
        var header = test.Hex("vlbytes_header");
        var reader = new TlsReader(header);
        int length = reader.ReadVarInt();
        reader.RequireEnd();
        Assert.Equal(test.GetProperty("length").GetInt32(), length);
        var writer = new byte[TlsWriter.VarIntSize(length)];
        TlsWriter.WriteVarInt(writer, length);
        Assert.Equal(header, writer);
    }

    /// <summary>Every object decodes, and encodes to the same bytes.</summary>
    public static void Messages(JsonElement test)
    {
        foreach (
            string name in (string[])
                [
                    "mls_welcome",
                    "mls_group_info",
                    "mls_key_package",
                    "public_message_application",
                    "public_message_proposal",
                    "public_message_commit",
                    "private_message",
                ]
        )
            Same(test, name, bytes => MlsMessage.Decode(bytes).Encode());
        Same(test, "ratchet_tree", bytes => RatchetTree.Decode(CipherSuite.Get(1), bytes).Encode());
        Same(test, "group_secrets", bytes => GroupSecrets.Decode(bytes).Encode());
        foreach (
            var (name, type) in ((string, ushort)[])
                [
                    ("add_proposal", ProposalType.Add),
                    ("update_proposal", ProposalType.Update),
                    ("remove_proposal", ProposalType.Remove),
                    ("pre_shared_key_proposal", ProposalType.PreSharedKey),
                    ("re_init_proposal", ProposalType.ReInit),
                    ("external_init_proposal", ProposalType.ExternalInit),
                    ("group_context_extensions_proposal", ProposalType.GroupContextExtensions),
                ]
        )
            Same(test, name, bytes => ProposalBody(type, bytes));
        Same(
            test,
            "commit",
            bytes =>
            {
                var reader = new TlsReader(bytes);
                var commit = Commit.Read(ref reader);
                reader.RequireEnd();
                var writer = new TlsWriter();
                commit.Write(writer);
                return writer.ToArray();
            }
        );
    }

    private static void Same(JsonElement test, string name, Func<byte[], byte[]> roundTrip)
    {
        var bytes = test.Hex(name);
        Assert.True(bytes.AsSpan().SequenceEqual(roundTrip(bytes)), name);
    }

    private static byte[] ProposalBody(ushort type, byte[] body)
    {
        var whole = new TlsWriter().WriteUInt16(type).WriteRaw(body).ToArray();
        var reader = new TlsReader(whole);
        var proposal = Proposal.Read(ref reader);
        reader.RequireEnd();
        Assert.Equal(type, proposal.Type);
        var writer = new TlsWriter();
        proposal.WriteBody(writer);
        return writer.ToArray();
    }
}
