using System.Formats.Cbor;
using System.Security.Cryptography;
using System.Text.Json;

namespace MlsConsole.Lexicon;

/// <summary>
/// Translates between the two encodings of the AT Protocol's data model, JSON and DAG-CBOR
/// (<see href="https://atproto.com/specs/data-model"/>).
/// </summary>
internal static class DagCbor
{
    private const int MaxDepth = 32;
    private const CborTag Link = (CborTag)42;

    // The mode Canonical sorts the keys of maps as DAG-CBOR demands: by length, then byte by byte.
    public static CborWriter NewWriter() => new(CborConformanceMode.Canonical, allowMultipleRootLevelValues: true);

    /// <summary>Encodes a record as DAG-CBOR.</summary>
    /// <exception cref="LexiconException">
    /// The value is not an object, or has something that the data model does not allow.
    /// </exception>
    public static byte[] Encode(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object)
            throw new LexiconException("", "must be an object.");
        var writer = NewWriter();
        Write(writer, record);
        return writer.Encode();
    }

    /// <summary>The CID of a record: version 1, DAG-CBOR, SHA-256.</summary>
    public static string CidOf(ReadOnlySpan<byte> dagCbor) =>
        Cid.Text([1, Cid.DagCbor, .. Cid.Sha256, .. SHA256.HashData(dagCbor)]);

    /// <summary>Writes a JSON value as DAG-CBOR.</summary>
    /// <exception cref="LexiconException">The value has something that the data model does not allow.</exception>
    public static void Write(CborWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object when value.TryGetProperty("$link", out var link):
                writer.WriteTag(Link);
                writer.WriteByteString([0, .. Cid.Bytes(OnlyText(value, link, "$link"))]);
                break;
            case JsonValueKind.Object when value.TryGetProperty("$bytes", out var bytes):
                writer.WriteByteString(Formats.Base64(OnlyText(value, bytes, "$bytes"), "$bytes"));
                break;
            case JsonValueKind.Object:
                CheckType(value);
                writer.WriteStartMap(value.GetPropertyCount());
                foreach (var property in value.EnumerateObject())
                {
                    writer.WriteTextString(property.Name);
                    Write(writer, property.Value);
                }
                writer.WriteEndMap();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray(value.GetArrayLength());
                foreach (var item in value.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.String:
                writer.WriteTextString(value.GetString()!);
                break;
            case JsonValueKind.Number:
                writer.WriteInt64(Integer(value));
                break;
            case JsonValueKind.True or JsonValueKind.False:
                writer.WriteBoolean(value.GetBoolean());
                break;
            default:
                writer.WriteNull();
                break;
        }
    }

    /// <summary>Reads a DAG-CBOR value and writes it as JSON.</summary>
    /// <exception cref="LexiconException">The value has something that the data model does not allow.</exception>
    public static void Read(CborReader reader, Utf8JsonWriter writer, int depth = 0)
    {
        if (depth > MaxDepth)
            throw new LexiconException("", "is nested too deeply.");
        switch (reader.PeekState())
        {
            case CborReaderState.StartMap:
                writer.WriteStartObject();
                for (int? left = reader.ReadStartMap(); left > 0; left--)
                {
                    writer.WritePropertyName(reader.ReadTextString());
                    Read(reader, writer, depth + 1);
                }
                reader.ReadEndMap();
                writer.WriteEndObject();
                break;
            case CborReaderState.StartArray:
                writer.WriteStartArray();
                for (int? left = reader.ReadStartArray(); left > 0; left--)
                    Read(reader, writer, depth + 1);
                reader.ReadEndArray();
                writer.WriteEndArray();
                break;
            case CborReaderState.Tag:
                if (reader.ReadTag() != Link || reader.ReadByteString() is not [0, .. var cid])
                    throw new LexiconException("", "has a tag that is no link.");
                Only(writer, "$link", Cid.Text(cid));
                break;
            case CborReaderState.ByteString:
                Only(writer, "$bytes", Convert.ToBase64String(reader.ReadByteString()).TrimEnd('='));
                break;
            case CborReaderState.TextString:
                writer.WriteStringValue(reader.ReadTextString());
                break;
            case CborReaderState.UnsignedInteger or CborReaderState.NegativeInteger:
                writer.WriteNumberValue(reader.ReadInt64());
                break;
            case CborReaderState.Boolean:
                writer.WriteBooleanValue(reader.ReadBoolean());
                break;
            case CborReaderState.Null:
                reader.ReadNull();
                writer.WriteNullValue();
                break;
            default:
                throw new LexiconException("", "has a value that the data model has not.");
        }
    }

    private static void Only(Utf8JsonWriter writer, string name, string text)
    {
        writer.WriteStartObject();
        writer.WriteString(name, text);
        writer.WriteEndObject();
    }

    private static string OnlyText(JsonElement value, JsonElement text, string name) =>
        text.ValueKind == JsonValueKind.String && value.GetPropertyCount() == 1
            ? text.GetString()!
            : throw new LexiconException(name, "must be a string and stand alone.");

    /// <summary>The value of an integer, which may also be written as 1.0, since JSON makes no difference.</summary>
    private static long Integer(JsonElement value)
    {
        if (value.TryGetInt64(out long integer))
            return integer;
        return
            value.TryGetDouble(out double number)
            && Math.Abs(number) <= JsonInput.MaxInteger
            && number == Math.Floor(number)
            ? (long)number
            : throw new LexiconException("", "has a number that is no integer.");
    }

    private static void CheckType(JsonElement value)
    {
        if (!value.TryGetProperty("$type", out var type))
            return;
        if (type.ValueKind != JsonValueKind.String || type.GetString()!.Length == 0)
            throw new LexiconException("$type", "must be a string that is not empty.");
        if (!type.ValueEquals("blob"))
            return;
        bool whole =
            value.TryGetProperty("ref", out var link)
            && link.ValueKind == JsonValueKind.Object
            && link.TryGetProperty("$link", out _)
            && value.TryGetProperty("mimeType", out var mime)
            && mime.ValueKind == JsonValueKind.String
            && value.TryGetProperty("size", out var size)
            && size.ValueKind == JsonValueKind.Number;
        if (!whole)
            throw new LexiconException("", "has a blob without ref, mimeType or size.");
    }
}
