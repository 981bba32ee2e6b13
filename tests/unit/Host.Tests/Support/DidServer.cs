using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace MlsConsole.Host.Tests;

/// <summary>
/// A real server of DID documents on this machine: hosts of did:web (<c>name.localhost</c>) and a did:plc directory. It
/// counts what it is asked.
/// </summary>
public sealed class DidServer : IAsyncLifetime
{
    private readonly ConcurrentDictionary<string, RequestDelegate> _answers = new();
    private readonly ConcurrentDictionary<string, int> _asked = new();
    private readonly ConcurrentDictionary<string, string> _targets = new();
    private WebApplication? _app;

    public Uri Address { get; private set; } = null!;

    /// <summary>How often the document of a DID was asked for.</summary>
    public int Asked(string did) => _asked.GetValueOrDefault(did);

    /// <summary>The path with which it was, as it was sent.</summary>
    public string Target(string did) => _targets[did];

    public string Web(string name) => $"did:web:{name}.localhost%3A{Address.Port}";

    public void Answer(string did, RequestDelegate answer) => _answers[did] = answer;

    public void Publish(string did, JsonNode document) =>
        Answer(did, context => context.Response.WriteAsync(document.ToJsonString()));

    public static JsonObject Document(string id, string? multikey, string fragment = "#atproto") =>
        new()
        {
            ["id"] = id,
            ["verificationMethod"] = multikey is null
                ? []
                : new JsonArray(
                    new JsonObject
                    {
                        ["id"] = id + fragment,
                        ["type"] = "Multikey",
                        ["controller"] = id,
                        ["publicKeyMultibase"] = multikey,
                    }
                ),
        };

    public async Task InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(async context =>
        {
            string target = context.Features.Get<IHttpRequestFeature>()!.RawTarget,
                host = context.Request.Host.Host;
            string did = host.EndsWith(".localhost", StringComparison.Ordinal)
                ? Web(host[..^".localhost".Length])
                : Uri.UnescapeDataString(target.TrimStart('/'));
            _asked.AddOrUpdate(did, 1, static (_, count) => count + 1);
            _targets[did] = target;
            if (_answers.TryGetValue(did, out RequestDelegate? answer))
                await answer(context);
            else
                context.Response.StatusCode = StatusCodes.Status404NotFound;
        });
        await _app.StartAsync();
        Address = new Uri(_app.Urls.Single());
    }

    public async Task DisposeAsync() => await _app!.DisposeAsync();
}
