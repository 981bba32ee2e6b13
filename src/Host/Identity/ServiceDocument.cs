using System.Text.Json.Nodes;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Identity;

/// <summary>Serves this service's own DID document where <c>did:web</c> expects it.</summary>
internal static class ServiceDocument
{
    /// <summary>The service entry by which other servers address this one (<c>did#atproto_mls</c>).</summary>
    public const string Fragment = "#atproto_mls";

    private const string WebPrefix = "did:web:";

    public static void MapServiceDocument(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet(
            "/.well-known/did.json",
            static (HttpContext context, HostSettings settings) =>
            {
                // The document of a did:plc is in its directory, and that of a did:web with a path at that path.
                if (HostOf(settings.ServiceDid) is null)
                    return Results.NotFound();
                context.Response.Headers.AccessControlAllowOrigin = "*";
                return Results.Text(
                    Document(settings.ServiceDid, EndpointOf(settings, context.Request)),
                    "application/json"
                );
            }
        );

    internal static string Document(string did, string endpoint) =>
        new JsonObject
        {
            ["@context"] = new JsonArray("https://www.w3.org/ns/did/v1"),
            ["id"] = did,
            ["service"] = new JsonArray(
                new JsonObject
                {
                    ["id"] = Fragment,
                    ["type"] = "AtprotoMlsService",
                    ["serviceEndpoint"] = endpoint,
                }
            ),
        }.ToJsonString();

    /// <summary>
    /// The address of this service, without a path: the public one; where none is set, the host of the DID, or for a
    /// DID that has none and for localhost, whose port AT Protocol leaves open, what the request names.
    /// </summary>
    internal static string EndpointOf(HostSettings settings, HttpRequest request) =>
        settings.PublicUrl is { } url ? url.GetLeftPart(UriPartial.Authority)
        : HostOf(settings.ServiceDid) is { } host
        && host != "localhost"
        && !host.StartsWith("localhost:", StringComparison.Ordinal)
            ? $"https://{host}"
        : $"{request.Scheme}://{request.Host}";

    /// <summary>The host of a <c>did:web</c> without a path, with its port if it has one; else null.</summary>
    private static string? HostOf(string did) =>
        did.StartsWith(WebPrefix, StringComparison.Ordinal)
        && did[WebPrefix.Length..] is var name
        && !name.Contains(':', StringComparison.Ordinal)
            ? Uri.UnescapeDataString(name)
            : null;
}
