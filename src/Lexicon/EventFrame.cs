using System.Buffers;
using System.Formats.Cbor;
using System.Text.Json;

namespace MlsConsole.Lexicon;

/// <summary>The service ended a subscription with an error frame.</summary>
/// <param name="error">The name of the error, as the lexicon declares it.</param>
/// <param name="message">The sentence about the error that the frame has, or null.</param>
public sealed class EventStreamException(string error, string? message) : Exception($"{error}: {message}")
{
    /// <summary>The name of the error, as the lexicon declares it.</summary>
    public string Error { get; } = error;
}

/// <summary>Frames of AT Protocol event streams: two DAG-CBOR objects, one after the other.</summary>
public static class EventFrame
{
    /// <summary>The length in bytes of the longest frame that is read.</summary>
    private const int MaxLength = 64 << 20;

    /// <summary>Makes the frame of an error, after which the service closes the connection.</summary>
    public static byte[] Error(string error, string message)
    {
        var writer = DagCbor.NewWriter();
        writer.WriteStartMap(1);
        writer.WriteTextString("op");
        writer.WriteInt32(-1);
        writer.WriteEndMap();
        writer.WriteStartMap(2);
        writer.WriteTextString("error");
        writer.WriteTextString(error);
        writer.WriteTextString("message");
        writer.WriteTextString(message);
        writer.WriteEndMap();
        return writer.Encode();
    }

    internal static byte[] Write(string type, byte[] json)
    {
        var writer = DagCbor.NewWriter();
        writer.WriteStartMap(2);
        writer.WriteTextString("op");
        writer.WriteInt32(1);
        writer.WriteTextString("t");
        writer.WriteTextString(type);
        writer.WriteEndMap();
        using var document = JsonDocument.Parse(json);
        DagCbor.Write(writer, document.RootElement);
        return writer.Encode();
    }

    internal static (string Type, byte[] Json) Read(ReadOnlyMemory<byte> frame)
    {
        if (frame.Length > MaxLength)
            throw new LexiconException("", "is too long.");
        try
        {
            var reader = new CborReader(frame, CborConformanceMode.Canonical, allowMultipleRootLevelValues: true);
            var (op, type) = ReadHeader(reader);
            var json = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(json))
                DagCbor.Read(reader, writer);
            if (reader.BytesRemaining > 0)
                throw new LexiconException("", "has more than a header and a payload.");
            if (op == 1 && type is not null)
                return (type, json.WrittenSpan.ToArray());
            if (op != -1)
                throw new LexiconException("", "is no message and no error.");
            using var error = JsonDocument.Parse(json.WrittenMemory);
            throw new EventStreamException(Text(error, "error") ?? "Unknown", Text(error, "message"));
        }
        catch (Exception exception)
            when (exception is CborContentException or InvalidOperationException or OverflowException)
        {
            throw new LexiconException("", "is not well-formed DAG-CBOR.");
        }
    }

    private static (int Op, string? Type) ReadHeader(CborReader reader)
    {
        (int op, string? type) = (0, null);
        int? entries = reader.ReadStartMap();
        for (int i = 0; i < entries; i++)
        {
            switch (reader.ReadTextString())
            {
                case "op":
                    op = reader.ReadInt32();
                    break;
                case "t":
                    type = reader.ReadTextString();
                    break;
                default:
                    reader.SkipValue();
                    break;
            }
        }
        reader.ReadEndMap();
        return (op, type);
    }

    private static string? Text(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object
        && json.RootElement.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
