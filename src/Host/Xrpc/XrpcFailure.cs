using System.Buffers;
using System.Globalization;
using System.Text.Json;
using MlsConsole.Core;
using MlsConsole.Host.Identity;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>The answer to a request that did not succeed: the one place where anything thrown becomes status and body.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Error">The XRPC error name.</param>
/// <param name="Message">A sentence for the caller.</param>
internal sealed record XrpcFailure(int Status, string Error, string Message)
{
    /// <summary>The broken rule, for InvalidCommit, InvalidGroupInfo and the like.</summary>
    public string? Rule { get; init; }

    /// <summary>For EpochMismatch.</summary>
    public ulong? CurrentEpoch { get; init; }

    /// <summary>For EpochMismatch: <c>stale</c> or <c>ahead</c>.</summary>
    public string? Mismatch { get; init; }

    /// <summary>For 429 and 503: when to come again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>For TurnPending.</summary>
    public int? Position { get; init; }

    /// <summary>For LeavePending: the leaves to remove.</summary>
    public IReadOnlyList<uint>? Leaves { get; init; }

    /// <summary>A low-cardinality label for metrics, never sent.</summary>
    public string? Reason { get; init; }

    /// <summary>The cause is ours: it belongs into the log, and nothing of it into the answer.</summary>
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
                "AuthenticationRequired",
                authentication.Message
            )
            {
                Reason = authentication.Reason,
            },
            LexiconException lexicon => new(StatusCodes.Status400BadRequest, "InvalidRequest", lexicon.Message)
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
                "PayloadTooLarge",
                "The request body is too large."
            ),
            BadHttpRequestException => new(
                StatusCodes.Status400BadRequest,
                "InvalidRequest",
                "The request body could not be read."
            )
            {
                Reason = XrpcException.Malformed,
            },
            _ => new(
                StatusCodes.Status500InternalServerError,
                "InternalServerError",
                "Something went wrong on our side."
            ),
        };

    /// <summary>Errors without a status of their own are 400.</summary>
    private static int StatusOf(string error) =>
        error switch
        {
            "AuthenticationRequired" => StatusCodes.Status401Unauthorized,
            "Unauthorized" => StatusCodes.Status403Forbidden,
            "EpochMismatch" or "IdempotencyConflict" or "LeavePending" => StatusCodes.Status409Conflict,
            "RateLimitExceeded" or "TurnPending" => StatusCodes.Status429TooManyRequests,
            "MethodNotImplemented" => StatusCodes.Status501NotImplemented,
            "InternalServerError" => StatusCodes.Status500InternalServerError,
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
