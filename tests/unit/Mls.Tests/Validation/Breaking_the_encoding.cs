using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §2.1 and the enumerations of all chapters: bytes that are no message.</summary>
public sealed class Breaking_the_encoding : Breaking<Breaking_the_encoding>, IBreaksRules
{
    private static readonly byte[] s_keyPackage = new TestClient(1, "bob").KeyPackage();

    // What follows the group id of a PrivateMessage: epoch, content type, and three empty vectors.
    private static readonly byte[] s_rest = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0];

    public static IReadOnlyList<Broken> Cases { get; } =
    [
        Bytes(Rules.CodecTruncated, "a message without its last byte", s_keyPackage[..^1], s_keyPackage),
        Bytes(
            Rules.CodecTruncated,
            "a length that reaches beyond the end",
            Message(writer => writer.WriteRaw([0x3f, 1, 2, 3])),
            Message(writer => writer.WriteRaw([3, 1, 2, 3]).WriteRaw(s_rest))
        ),
        Part(
            Rules.CodecTruncated,
            "half a uint16 in a vector",
            new TlsWriter().WriteOpaque([0, 1, 0]),
            new TlsWriter().WriteOpaque([0, 1]),
            (ref reader) => UInt16List.Read(ref reader)
        ),
        Part(
            Rules.CodecTruncated,
            "half a uint32 in unmerged leaves",
            Parent([0, 0, 0]),
            Parent([0, 0, 0, 1]),
            (ref reader) => ParentNode.Read(ref reader)
        ),
        Bytes(Rules.CodecTrailingBytes, "a byte after a message", [.. s_keyPackage, 0], s_keyPackage),
        Bytes(
            Rules.CodecVarInt,
            "two bytes for a length that fits in one",
            Message(writer => writer.WriteRaw([0x40, 3, 1, 2, 3]).WriteRaw(s_rest)),
            Message(writer => writer.WriteRaw([3, 1, 2, 3]).WriteRaw(s_rest))
        ),
        Bytes(
            Rules.CodecVarInt,
            "four bytes for a length that fits in two",
            Message(writer => writer.WriteRaw([0x80, 0, 0, 3, 1, 2, 3]).WriteRaw(s_rest)),
            Message(writer => writer.WriteRaw([3, 1, 2, 3]).WriteRaw(s_rest))
        ),
        Bytes(
            Rules.CodecVarInt,
            "the prefix 11",
            Message(writer => writer.WriteRaw([0xC0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]).WriteRaw(s_rest)),
            Message(writer => writer.WriteRaw([3, 1, 2, 3]).WriteRaw(s_rest))
        ),
        Part(
            Rules.CodecOptional,
            "presence 2 of a path",
            Commit(0, 2),
            Commit(0, 0),
            (ref reader) => Mls.Commit.Read(ref reader)
        ),
        new(
            Rules.CodecOptional,
            "presence 2 of a node of the tree",
            () =>
            {
                var group = TestGroup.Create(new TestClient(1, "alice"));
                byte[] right = group.RatchetTree,
                    wrong = (byte[])right.Clone();
                wrong[2] = 2; // after the length in two bytes
                return new(() => RatchetTree.Decode(group.Suite, wrong), () => RatchetTree.Decode(group.Suite, right));
            }
        ),
        Bytes(Rules.CodecEnum, "a wire format that is none", [0, 1, 0, 9], s_keyPackage),
        Bytes(
            Rules.CodecEnum,
            "a content type that is none",
            Message(writer => writer.WriteOpaque([1]).WriteUInt64(0).WriteUInt8(4).WriteRaw(new byte[3])),
            Message(writer => writer.WriteOpaque([1]).WriteUInt64(0).WriteUInt8(3).WriteRaw(new byte[3]))
        ),
        Part(
            Rules.CodecEnum,
            "a sender type that is none",
            new TlsWriter().WriteUInt8(5),
            new TlsWriter().WriteUInt8(4),
            (ref reader) => Sender.Read(ref reader)
        ),
        Part(
            Rules.CodecEnum,
            "a content type of none inside",
            Content(4),
            Content(1),
            (ref reader) => FramedContent.Read(ref reader)
        ),
        Part(
            Rules.CodecEnum,
            "neither proposal nor reference",
            Commit(3, 0),
            Commit(2, 0),
            (ref reader) => Mls.Commit.Read(ref reader)
        ),
        Part(
            Rules.CodecEnum,
            "a pre-shared key type that is none",
            new TlsWriter().WriteUInt8(3).WriteOpaque([]).WriteOpaque([]),
            new TlsWriter().WriteUInt8(1).WriteOpaque([]).WriteOpaque([]),
            (ref reader) => PreSharedKeyId.Read(ref reader)
        ),
        Part(
            Rules.CodecEnum,
            "a resumption usage that is none",
            Resumption(4),
            Resumption(3),
            (ref reader) => PreSharedKeyId.Read(ref reader)
        ),
        new(
            Rules.CodecEnum,
            "a node type that is none",
            () =>
            {
                var group = TestGroup.Create(new TestClient(1, "alice"));
                byte[] right = group.RatchetTree,
                    wrong = (byte[])right.Clone();
                wrong[3] = 3;
                return new(() => RatchetTree.Decode(group.Suite, wrong), () => RatchetTree.Decode(group.Suite, right));
            }
        ),
        new(
            Rules.CodecEnum,
            "a leaf node source that is none",
            () =>
            {
                var leaf = new TestClient(1, "bob").BareKeyPackage().LeafNode;
                byte[] right = leaf.Encoded.ToArray(),
                    wrong = (byte[])right.Clone();
                // The leaf node ends with its lifetime, an empty list of extensions, and the signature with its length;
                // the source stands before these.
                wrong[^(leaf.Signature.Length + 2 + 1 + 16 + 1)] = 4;
                return new(() => LeafNode.Decode(wrong), () => LeafNode.Decode(right));
            }
        ),
        Bytes(Rules.CodecVersion, "version 2 of a message", [0, 2, .. s_keyPackage[2..]], s_keyPackage),
        Bytes(
            Rules.CodecVersion,
            "version 2 of a key package in a message of version 1",
            [.. s_keyPackage[..4], 0, 2, .. s_keyPackage[6..]],
            s_keyPackage
        ),
        new(
            Rules.CodecVersion,
            "version of a stored group that we do not know",
            () =>
            {
                var group = TestGroup.Create(new TestClient(1, "alice")).Group;
                byte[] right = group.Snapshot(),
                    wrong = [255, .. right[1..]];
                return new(() => PublicGroup.Restore(wrong), () => PublicGroup.Restore(right));
            }
        ),
        new(
            Rules.CodecWireFormat,
            "a key package where messages of the group are taken",
            () =>
            {
                var scene = new MemberScene();
                var right = scene.Bob.Encrypt("hello"u8);
                return scene.Attempt(s_keyPackage, right);
            }
        ),
    ];

    private delegate object ReadPart(ref TlsReader reader);

    private static Broken Bytes(Rule rule, string name, byte[] wrong, byte[] right) =>
        new(rule, name, () => new(() => MlsMessage.Decode(wrong), () => MlsMessage.Decode(right)));

    private static Broken Part(Rule rule, string name, TlsWriter wrong, TlsWriter right, ReadPart read) =>
        new(rule, name, () => new(() => Read(wrong, read), () => Read(right, read)));

    private static void Read(TlsWriter bytes, ReadPart read)
    {
        var reader = new TlsReader(bytes.ToArray());
        read(ref reader);
        reader.RequireEnd();
    }

    private static byte[] Message(Action<TlsWriter> body)
    {
        var writer = new TlsWriter().WriteUInt16(1).WriteUInt16((ushort)WireFormat.PrivateMessage);
        body(writer);
        return writer.ToArray();
    }

    private static TlsWriter Parent(byte[] unmerged) =>
        new TlsWriter().WriteOpaque(new byte[32]).WriteOpaque([]).WriteOpaque(unmerged);

    private static TlsWriter Commit(byte kind, byte presence) =>
        new TlsWriter().WriteOpaque(kind == 0 ? [] : [kind, 0]).WriteUInt8(presence);

    private static TlsWriter Content(byte type) =>
        new TlsWriter().WriteOpaque([1]).WriteUInt64(0).WriteUInt8(4).WriteOpaque([]).WriteUInt8(type).WriteOpaque([]);

    private static TlsWriter Resumption(byte usage) =>
        new TlsWriter().WriteUInt8(2).WriteUInt8(usage).WriteOpaque([]).WriteUInt64(0).WriteOpaque([]);
}
