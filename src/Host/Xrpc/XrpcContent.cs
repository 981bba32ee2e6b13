using System.Buffers;
using System.IO.Compression;
using Microsoft.Net.Http.Headers;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// Checks and reads what comes with a request beside its path: the verb, the headers of the body, and the body.
/// </summary>
internal static class XrpcContent
{
    private const string Json = "application/json";

    /// <summary>Checks that a query comes by GET or HEAD, and a procedure by POST.</summary>
    /// <exception cref="XrpcException">The verb is another one.</exception>
    public static void CheckVerb(HttpRequest request, bool isQuery)
    {
        bool right = isQuery
            ? HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)
            : HttpMethods.IsPost(request.Method);
        if (!right)
            throw XrpcException.InvalidRequest($"Incorrect HTTP method, expected {(isQuery ? "GET" : "POST")}.");
    }

    /// <summary>Checks that there is no body.</summary>
    /// <exception cref="XrpcException">There is a body.</exception>
    public static void CheckNone(HttpRequest request)
    {
        if (request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0)
            throw XrpcException.InvalidRequest("A request body was provided when none was expected.");
    }

    /// <summary>Checks the headers that describe a JSON body, before a byte of the body is read.</summary>
    /// <exception cref="XrpcException">
    /// There is no body, its media type, charset or encoding is wrong, or it is too long.
    /// </exception>
    public static void CheckJson(HttpRequest request, int limit)
    {
        if (
            request.ContentLength is null
            && request.Headers.TransferEncoding.Count == 0
            && !HttpProtocol.IsHttp2(request.Protocol)
        )
            throw XrpcException.InvalidRequest("A request body is expected but none was provided.");
        if (string.IsNullOrEmpty(request.ContentType))
            throw XrpcException.InvalidRequest("Request encoding (Content-Type) required but not provided.");
        if (
            !MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type)
            || !type.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase)
        )
            throw XrpcException.InvalidRequest("Wrong request encoding (Content-Type), expected application/json.");
        if (
            type.Charset.HasValue
            && !HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)
        )
            throw XrpcException.UnsupportedMediaType("Unsupported charset, expected utf-8.");
        if (EncodingOf(request) is not ("identity" or "gzip" or "deflate" or "br"))
            throw XrpcException.UnsupportedMediaType("Unsupported content encoding.");
        if (request.ContentLength > limit)
            throw XrpcException.PayloadTooLarge(limit);
    }

    /// <summary>
    /// Reads a body whose headers <see cref="CheckJson"/> has accepted, at most <paramref name="limit"/> bytes after
    /// decompression.
    /// </summary>
    /// <exception cref="XrpcException">
    /// The body is longer than the limit, or not in the encoding that its header names.
    /// </exception>
    public static async Task<ReadOnlyMemory<byte>> ReadJsonAsync(
        HttpRequest request,
        int limit,
        CancellationToken cancellation
    )
    {
        await using Stream stream = Decompress(request);
        // A length is declared at no cost, so memory is allocated only for bytes that have arrived.
        ArrayBufferWriter<byte> body = new(Math.Min((int)(request.ContentLength ?? 0), 64 * 1024) + 1024);
        try
        {
            int read;
            while ((read = await stream.ReadAsync(body.GetMemory(4096), cancellation)) > 0)
            {
                body.Advance(read);
                if (body.WrittenCount > limit)
                    throw XrpcException.PayloadTooLarge(limit);
            }
        }
        catch (Exception exception)
            when (exception is InvalidDataException
                || (exception is InvalidOperationException && stream is BrotliStream)
            )
        {
            // Brotli alone reports bad data as an invalid operation.
            throw XrpcException.InvalidRequest("The request body is not what its Content-Encoding says.");
        }
        return body.WrittenMemory;
    }

    private static string EncodingOf(HttpRequest request)
    {
        string encoding = request.Headers.ContentEncoding.ToString().Trim();
        return encoding.Length == 0 ? "identity" : encoding.ToLowerInvariant();
    }

    private static Stream Decompress(HttpRequest request) =>
        EncodingOf(request) switch
        {
            "gzip" => new GZipStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            "deflate" => new ZLibStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            "br" => new BrotliStream(request.Body, CompressionMode.Decompress, leaveOpen: true),
            _ => request.Body,
        };
}
