using System.Buffers;
using System.Text.Json;

namespace MlsConsole.Lexicon;

/// <summary>Reads the value at the current position of a reader.</summary>
public delegate T JsonRead<out T>(ref Utf8JsonReader reader, string path);

/// <summary>The descriptor of a method, made from its lexicon.</summary>
public abstract class Method(string nsid, IReadOnlyList<string> errors)
{
    /// <summary>The NSID of the method, for example <c>blue.catbird.mls.getGroupInfo</c>.</summary>
    public string Nsid { get; } = nsid;

    /// <summary>The names of the errors that the lexicon of the method declares.</summary>
    public IReadOnlyList<string> Errors { get; } = errors;

    private protected static T ReadBody<T>(ReadOnlySpan<byte> json, JsonRead<T> read)
    {
        // By default the reader refuses comments and trailing commas.
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 16 });
        try
        {
            reader.Read();
            var value = read(ref reader, "");
            // This throws if anything follows the value.
            reader.Read();
            return value;
        }
        catch (JsonException)
        {
            throw new LexiconException("", "is not well-formed JSON.");
        }
        catch (InvalidOperationException)
        {
            // Utf8JsonReader throws this for malformed escapes and bytes in strings.
            throw new LexiconException("", "is not well-formed UTF-8.");
        }
    }

    private protected static byte[] WriteBody<T>(T value, Action<Utf8JsonWriter, T> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (
            var writer = new Utf8JsonWriter(
                buffer,
                new JsonWriterOptions
                {
                    Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                }
            )
        )
            write(writer, value);
        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>The descriptor of a method that is called by POST with a JSON body.</summary>
public sealed class Procedure<TInput, TOutput>(
    string nsid,
    IReadOnlyList<string> errors,
    JsonRead<TInput> readInput,
    Action<Utf8JsonWriter, TInput> writeInput,
    JsonRead<TOutput> readOutput,
    Action<Utf8JsonWriter, TOutput> writeOutput,
    Func<TInput, string, TInput> withIdempotencyKey
) : Method(nsid, errors)
{
    /// <summary>
    /// Sets the idempotency key of an input that has none; an input without this property stays as it is.
    /// </summary>
    public TInput WithIdempotencyKey(TInput input, string key) => withIdempotencyKey(input, key);

    /// <summary>Reads a request's body.</summary>
    /// <exception cref="LexiconException">The body does not have the form that the lexicon demands.</exception>
    public TInput ReadInput(ReadOnlySpan<byte> json) => ReadBody(json, readInput);

    /// <summary>Writes a request's body.</summary>
    public byte[] WriteInput(TInput input) => WriteBody(input, writeInput);

    /// <summary>Reads an answer's body.</summary>
    /// <exception cref="LexiconException">The body does not have the form that the lexicon demands.</exception>
    public TOutput ReadOutput(ReadOnlySpan<byte> json) => ReadBody(json, readOutput);

    /// <summary>Writes an answer's body.</summary>
    public byte[] WriteOutput(TOutput output) => WriteBody(output, writeOutput);
}

/// <summary>The descriptor of a method that is called by GET with query parameters.</summary>
public sealed class Query<TParameters, TOutput>(
    string nsid,
    IReadOnlyList<string> errors,
    Func<ParameterInput, TParameters> readParameters,
    Func<TParameters, IEnumerable<KeyValuePair<string, string>>> writeParameters,
    JsonRead<TOutput> readOutput,
    Action<Utf8JsonWriter, TOutput> writeOutput
) : Method(nsid, errors)
{
    /// <summary>
    /// Reads a request's parameters. Unknown parameters are ignored, and absent ones get their default.
    /// </summary>
    /// <exception cref="LexiconException">A parameter does not have the form that the lexicon demands.</exception>
    public TParameters ReadParameters(IEnumerable<KeyValuePair<string, string>> parameters) =>
        readParameters(new ParameterInput(parameters));

    /// <summary>Writes a request's parameters.</summary>
    public IEnumerable<KeyValuePair<string, string>> WriteParameters(TParameters parameters) =>
        writeParameters(parameters);

    /// <summary>Reads an answer's body.</summary>
    /// <exception cref="LexiconException">The body does not have the form that the lexicon demands.</exception>
    public TOutput ReadOutput(ReadOnlySpan<byte> json) => ReadBody(json, readOutput);

    /// <summary>Writes an answer's body.</summary>
    public byte[] WriteOutput(TOutput output) => WriteBody(output, writeOutput);
}

/// <summary>
/// The descriptor of a method that is called by WebSocket with query parameters. The service then sends one binary
/// message, a frame, for each event, until one side closes the connection.
/// </summary>
/// <remarks>
/// A frame is a DAG-CBOR header (<c>{op: 1, t: "#commit"}</c>, or <c>{op: -1}</c> for an error) and a DAG-CBOR payload.
/// </remarks>
public sealed class Subscription<TParameters, TMessage>(
    string nsid,
    IReadOnlyList<string> errors,
    Func<ParameterInput, TParameters> readParameters,
    Func<TParameters, IEnumerable<KeyValuePair<string, string>>> writeParameters,
    IReadOnlyDictionary<string, JsonRead<TMessage>> readMessages,
    Func<TMessage, string> typeOf,
    Action<Utf8JsonWriter, TMessage> writeMessage
) : Method(nsid, errors)
{
    /// <summary>Reads a request's parameters. Unknown parameters are ignored.</summary>
    /// <exception cref="LexiconException">A parameter does not have the form that the lexicon demands.</exception>
    public TParameters ReadParameters(IEnumerable<KeyValuePair<string, string>> parameters) =>
        readParameters(new ParameterInput(parameters));

    /// <summary>Writes a request's parameters.</summary>
    public IEnumerable<KeyValuePair<string, string>> WriteParameters(TParameters parameters) =>
        writeParameters(parameters);

    /// <summary>Writes a message as a whole frame.</summary>
    public byte[] WriteFrame(TMessage message) => EventFrame.Write(typeOf(message), WriteBody(message, writeMessage));

    /// <summary>Reads a frame.</summary>
    /// <returns>
    /// The message, or null for a type that this lexicon does not have: a newer service may send other types.
    /// </returns>
    /// <exception cref="EventStreamException">The frame is an error.</exception>
    /// <exception cref="LexiconException">The frame does not have the form that the lexicon demands.</exception>
    public TMessage? ReadFrame(ReadOnlyMemory<byte> frame)
    {
        var (type, json) = EventFrame.Read(frame);
        return readMessages.TryGetValue(type, out var read) ? ReadBody(json, read) : default;
    }
}
