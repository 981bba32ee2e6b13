using Microsoft.Extensions.Primitives;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The hosts that a request may name: those of the public addresses, loopback names where a listener is loopback, and
/// those of a setting. A web page could otherwise reach the host by rebinding the page's own name to its address.
/// </summary>
internal static class AllowedHosts
{
    public const string Setting = "Endpoints:AllowedHosts";

    private static readonly string[] s_loopback = ["localhost", "*.localhost", "127.0.0.1", "[::1]"];

    /// <exception cref="ConfigurationException">The setting allows every host.</exception>
    public static IReadOnlyList<string> Of(
        IConfiguration configuration,
        HostSettings settings,
        IReadOnlyList<Listener> listeners
    )
    {
        string[] extra =
            configuration[Setting]?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            ?? [];
        if (extra.Contains("*"))
            throw new ConfigurationException(Setting, "must name hosts, for example mls.internal or *.example.com.");
        return
        [
            .. new[] { settings.PublicUrl, settings.ConsoleUrl }.OfType<Uri>().Select(HostOf),
            // Without an address Kestrel listens on localhost.
            .. listeners.Count == 0 || listeners.Any(static one => one.IsLoopback) ? s_loopback : [],
            .. extra,
        ];
    }

    /// <summary>Answers 400 where the host is not allowed. Health checks may name any.</summary>
    public static void UseAllowedHosts(this IApplicationBuilder app, IReadOnlyList<string> allowed)
    {
        List<StringSegment> patterns = [.. allowed.Select(static host => new StringSegment(host))];
        app.Use(
            (context, next) =>
            {
                if (
                    context.Request.Path.Value is ServedPaths.Live or ServedPaths.Ready
                    || (context.Request.Host is { HasValue: true } host && HostString.MatchesAny(host.Value!, patterns))
                )
                    return next(context);
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                return Task.CompletedTask;
            }
        );
    }

    private static string HostOf(Uri url) => url.HostNameType == UriHostNameType.IPv6 ? url.Host : url.IdnHost;
}
