namespace MlsConsole.Host.Xrpc;

/// <summary>A request that breaks the conventions of XRPC itself, before any feature has seen it.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="error">The XRPC error name: no white space.</param>
/// <param name="message">A sentence for the caller.</param>
internal sealed class XrpcException(int status, string error, string message) : Exception(message)
{
    /// <summary>The reason of a request that breaks the conventions of XRPC or its lexicon.</summary>
    public const string Malformed = "malformed";

    public int Status { get; } = status;

    public string Error { get; } = error;

    /// <summary>The seconds after which the request may be sent again, with the same token.</summary>
    public int? RetryAfter { get; private init; }

    /// <summary>A low-cardinality label for metrics, never sent.</summary>
    public string? Reason { get; private init; }

    public static XrpcException InvalidRequest(string message) =>
        new(StatusCodes.Status400BadRequest, XrpcErrors.InvalidRequest, message) { Reason = Malformed };

    public static XrpcException PayloadTooLarge(int limit) =>
        new(
            StatusCodes.Status413PayloadTooLarge,
            XrpcErrors.PayloadTooLarge,
            $"The request body is larger than {limit} bytes."
        );

    public static XrpcException UnsupportedMediaType(string message) =>
        new(StatusCodes.Status415UnsupportedMediaType, XrpcErrors.UnsupportedMediaType, message);

    public static XrpcException RateLimitExceeded(string whose, int retryAfter) =>
        new(
            StatusCodes.Status429TooManyRequests,
            XrpcErrors.RateLimitExceeded,
            $"There were too many requests of this {whose}."
        )
        {
            RetryAfter = retryAfter,
            Reason = whose,
        };

    /// <param name="whose"><c>address</c> or <c>account</c>.</param>
    public static XrpcException TooManySubscriptions(string whose) =>
        new(
            StatusCodes.Status429TooManyRequests,
            XrpcErrors.RateLimitExceeded,
            $"The {whose} has the greatest number of subscriptions."
        )
        {
            RetryAfter = 30,
            Reason = $"{whose}-subscriptions",
        };

    public static XrpcException NotEnoughResources() =>
        new(StatusCodes.Status503ServiceUnavailable, XrpcErrors.NotEnoughResources, "The service has too much to do.")
        {
            RetryAfter = 1,
        };

    public static XrpcException MethodNotImplemented() =>
        new(
            StatusCodes.Status501NotImplemented,
            XrpcErrors.MethodNotImplemented,
            "This service does not implement that method."
        );
}
