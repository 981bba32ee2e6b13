namespace MlsConsole.Host.Startup;

/// <summary>
/// Tells which paths are served at a listener. Each connection has one as a feature, which its listener gave it, so
/// that nothing that a caller sends decides: neither the Host header nor a forwarded one.
/// </summary>
/// <param name="serves">What the listener serves.</param>
internal sealed class ServedPaths(Serving serves)
{
    /// <summary>The health checks, which a load balancer asks by the address and not by the name of a host.</summary>
    public const string Live = "/health/live",
        Ready = "/health/ready";

    private static readonly string[] s_public = [Live, "/.well-known/did.json"];

    /// <summary>
    /// Whether the path is served. The paths for clients are <c>/xrpc</c>, <c>/.well-known/did.json</c> and
    /// <c>/health/live</c>; everything else is the console's.
    /// </summary>
    public bool Serve(PathString path) =>
        serves == Serving.Both
        || (
            serves == Serving.Public
                ? IsPublic(path, StringComparison.Ordinal)
                // Routes are found in any case and with a slash at the end.
                : !IsPublic(path.Value!.TrimEnd('/'), StringComparison.OrdinalIgnoreCase)
        );

    private static bool IsPublic(PathString path, StringComparison comparison) =>
        path.StartsWithSegments("/xrpc", comparison)
        || s_public.Any(known => string.Equals(path.Value, known, comparison));
}
