namespace MlsConsole.Host.People;

/// <summary>The headers by which a browser protects the console (OWASP Secure Headers).</summary>
internal static class SecurityHeaders
{
    /// <summary>
    /// Only scripts of the console run, nobody frames it, forms are sent nowhere else. MudBlazor writes styles into its
    /// elements.
    /// </summary>
    private static string Policy(string formTargets) =>
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        + "font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        + $"form-action {formTargets}; frame-ancestors 'none'";

    /// <param name="app">The host.</param>
    /// <param name="formTarget">Where forms may lead beside the console itself: the OpenID Connect provider.</param>
    public static void UseSecurityHeaders(this IApplicationBuilder app, Uri? formTarget)
    {
        string policy = Policy(
            formTarget is null ? "'self'" : $"'self' {formTarget.GetLeftPart(UriPartial.Authority)}"
        );
        app.Use(
            (context, next) =>
            {
                IHeaderDictionary headers = context.Response.Headers;
                headers.XContentTypeOptions = "nosniff";
                headers["Referrer-Policy"] = "same-origin";
                headers.ContentSecurityPolicy = policy;
                headers.XFrameOptions = "DENY";
                headers["Cross-Origin-Opener-Policy"] = "same-origin";
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()";
                if (context.Request.IsHttps)
                    headers.StrictTransportSecurity = "max-age=31536000";
                return next(context);
            }
        );
    }
}
