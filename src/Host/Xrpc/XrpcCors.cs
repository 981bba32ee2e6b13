using Microsoft.Net.Http.Headers;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// CORS of everything under <c>/xrpc/</c>. Any origin is allowed, because a request is authorised by its token alone
/// and never by something that a browser adds on its own.
/// </summary>
internal static class XrpcCors
{
    private const string Exposed =
        "MLS-Current-Epoch, Correlation-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, "
        + "Retry-After";

    public static void Allow(HttpResponse response)
    {
        response.Headers.AccessControlAllowOrigin = "*";
        response.Headers.AccessControlExposeHeaders = Exposed;
    }

    public static void AnswerPreflight(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = "*";
        headers.AccessControlAllowMethods = "GET,HEAD,POST";
        headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders is { Count: > 0 } asked
            ? asked
            : "authorization,content-type";
        headers.AccessControlMaxAge = "86400";
        headers.Append(HeaderNames.Vary, HeaderNames.AccessControlRequestHeaders);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
