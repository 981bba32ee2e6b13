using System.Buffers;
using System.Globalization;
using System.Text.Json;
using MlsConsole.Core;
using MlsConsole.Host.Identity;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// The answer to a request that did not succeed. This is the only place where an exception becomes a status and a body.
/// </summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Error">The XRPC error name.</param>
/// <param name="Message">A sentence for the caller.</param>
internal sealed record XrpcFailure(int Status, string Error, string Message)
{
    /// <summary>For InvalidCommit, InvalidGroupInfo and the like: the broken rule.</summary>
    public string? Rule { get; init; }

    /// <summary>For EpochMismatch: the conversation's epoch.</summary>
    public ulong? CurrentEpoch { get; init; }

    /// <summary>For EpochMismatch: <c>stale</c> or <c>ahead</c>.</summary>
    public string? Mismatch { get; init; }

    /// <summary>For 429 and 503: the time after which the request may be sent again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For TurnPending: how many devices are before the caller's, at least 1.</summary>
    public int? Position { get; init; }

    /// <summary>For LeavePending: the leaves to remove.</summary>
    public IReadOnlyList<uint>? Leaves { get; init; }

    /// <summary>A low-cardinality label for metrics, never sent.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// Whether the cause is a fault of this service. A fault is logged, and the answer tells nothing of it.
    /// </summary>
    public bool IsFault => Status == StatusCodes.Status500InternalServerError;

    public static XrpcFailure From(Exception exception) =>
        exception switch
        {
            RefusedException { Refusal: { } refusal } => new(StatusOf(refusal.Error), refusal.Error, refusal.Message)
            {
                Rule = refusal.Rule,
                CurrentEpoch = refusal.CurrentEpoch,
                Mismatch = refusal.Mismatch,
                RetryAfter = refusal.RetryAfter,
                Position = refusal.Position,
                Leaves = refusal.Leaves,
                Reason = refusal.Reason ?? refusal.Rule ?? refusal.Mismatch,
            },
            AuthenticationException authentication => new(
                StatusCodes.Status401Unauthorized,
                XrpcErrors.AuthenticationRequired,
                authentication.Message
            )
            {
                Reason = authentication.Reason,
            },
            LexiconException lexicon => new(StatusCodes.Status400BadRequest, XrpcErrors.InvalidRequest, lexicon.Message)
            {
                Reason = XrpcException.Malformed,
            },
            XrpcException xrpc => new(xrpc.Status, xrpc.Error, xrpc.Message)
            {
                RetryAfter = xrpc.RetryAfter is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                Reason = xrpc.Reason,
            },
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => new(
                StatusCodes.Status413PayloadTooLarge,
                XrpcErrors.PayloadTooLarge,
                "The request body is too large."
            ),
            BadHttpRequestException => new(
                StatusCodes.Status400BadRequest,
                XrpcErrors.InvalidRequest,
                "The request body could not be read."
            )
            {
                Reason = XrpcException.Malformed,
            },
            _ => new(
                StatusCodes.Status500InternalServerError,
                XrpcErrors.InternalServerError,
                "Something went wrong on our side."
            ),
        };

    /// <summary>The HTTP status of an error of Core. An error that is not listed is answered 400.</summary>
    private static int StatusOf(string error) =>
        error switch
        {
            XrpcErrors.AuthenticationRequired => StatusCodes.Status401Unauthorized,
            nameof(Refusal.Unauthorized) => StatusCodes.Status403Forbidden,
            nameof(Refusal.EpochMismatch) or nameof(Refusal.IdempotencyConflict) or nameof(Refusal.LeavePending) =>
                StatusCodes.Status409Conflict,
            XrpcErrors.RateLimitExceeded or nameof(Refusal.TurnPending) => StatusCodes.Status429TooManyRequests,
            XrpcErrors.MethodNotImplemented => StatusCodes.Status501NotImplemented,
            XrpcErrors.InternalServerError => StatusCodes.Status500InternalServerError,
            _ => StatusCodes.Status400BadRequest,
        };

    public void WriteHeaders(IHeaderDictionary headers)
    {
        if (CurrentEpoch is { } epoch)
            headers["MLS-Current-Epoch"] = epoch.ToString(CultureInfo.InvariantCulture);
        if (RetryAfter is { } wait)
            headers.RetryAfter = ((long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        if (Status == StatusCodes.Status401Unauthorized)
            headers.WWWAuthenticate = "Bearer";
    }

    public ReadOnlyMemory<byte> WriteBody()
    {
        ArrayBufferWriter<byte> body = new();
        using (Utf8JsonWriter json = new(body))
        {
            json.WriteStartObject();
            json.WriteString("error", Error);
            json.WriteString("message", Message);
            if (Rule is not null)
                json.WriteString("rule", Rule);
            if (CurrentEpoch is { } epoch)
                json.WriteNumber("currentEpoch", epoch);
            if (Position is { } position)
            {
                json.WriteNumber("retryAfterMs", (long)Math.Ceiling(RetryAfter!.Value.TotalMilliseconds));
                json.WriteNumber("position", position);
            }
            if (Mismatch is not null)
                json.WriteString("reason", Mismatch);
            if (Leaves is not null)
            {
                json.WriteStartArray("leaves");
                foreach (uint leaf in Leaves)
                    json.WriteNumberValue(leaf);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        return body.WrittenMemory;
    }
}
