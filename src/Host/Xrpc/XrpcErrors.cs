using MlsConsole.Core;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// The error names that XRPC itself defines, for any method. The names of refusals by a feature are those of
/// <see cref="Refusal"/>.
/// </summary>
internal static class XrpcErrors
{
    public const string InvalidRequest = nameof(Refusal.InvalidRequest);

    public const string AuthenticationRequired = "AuthenticationRequired";

    public const string PayloadTooLarge = "PayloadTooLarge";

    public const string UnsupportedMediaType = "UnsupportedMediaType";

    public const string RateLimitExceeded = nameof(Refusal.RateLimitExceeded);

    public const string InternalServerError = "InternalServerError";

    public const string MethodNotImplemented = "MethodNotImplemented";

    public const string NotEnoughResources = "NotEnoughResources";
}
