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
                if (EndpointOf(settings.ServiceDid, context.Request) is not { } endpoint)
                    return Results.NotFound();
                context.Response.Headers.AccessControlAllowOrigin = "*";
                return Results.Text(Document(settings.ServiceDid, endpoint), "application/json");
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

    /// <summary>The address of this service, without a path; null if the DID does not contain it.</summary>
    internal static string? EndpointOf(string did, HttpRequest request)
    {
        if (!did.StartsWith(WebPrefix, StringComparison.Ordinal))
            return null;
        string name = did[WebPrefix.Length..];
        if (name.Contains(':', StringComparison.Ordinal))
            return null;
        // AT Protocol allows a port for localhost alone. There the request has the address that works.
        string host = Uri.UnescapeDataString(name);
        return host == "localhost" || host.StartsWith("localhost:", StringComparison.Ordinal)
            ? $"{request.Scheme}://{request.Host}"
            : $"https://{host}";
    }
}
