using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SimpleBase;

namespace MlsConsole.E2e;

/// <summary>An answer of the service, whatever its status.</summary>
public sealed record XrpcAnswer(int Status, JsonElement Body, string? CurrentEpochHeader)
{
    public bool IsSuccess => Status == 200;
    public string? Error => IsSuccess ? null : Body.GetProperty("error").GetString();
}

/// <summary>A <c>did:key</c> user with a P-256 key, who signs a new ES256 service token for each call.</summary>
public sealed class XrpcUser : IDisposable
{
    public const string Namespace = "blue.catbird.mls";
    private readonly HttpClient _http;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <param name="url">The service's address.</param>
    public XrpcUser(Uri url)
    {
        // Connections of its own: what another user sends never waits in front of what this one sends.
        _http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(1) };
        var point = _key.ExportParameters(false).Q;
        byte[] multikey = [0x80, 0x24, (byte)(2 + (point.Y![^1] & 1)), .. point.X!];
        Did = "did:key:z" + Base58.Bitcoin.Encode(multikey);
    }

    public string Did { get; }

    public async Task<XrpcAnswer> Procedure(string method, object input) =>
        await Send(
            new HttpRequestMessage(HttpMethod.Post, $"xrpc/{Namespace}.{method}") { Content = Json(input) },
            method
        );

    public async Task<XrpcAnswer> Query(string method, params (string Name, string Value)[] parameters)
    {
        var query = string.Join(
            '&',
            parameters.Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value)}")
        );
        return await Send(new HttpRequestMessage(HttpMethod.Get, $"xrpc/{Namespace}.{method}?{query}"), method);
    }

    /// <summary>Asks a host with a token that may have been used before.</summary>
    public Task<XrpcAnswer> QueryWith(string token, Uri host, string method) =>
        SendWith(token, new HttpRequestMessage(HttpMethod.Get, new Uri(host, $"xrpc/{Namespace}.{method}")));

    /// <summary>The body of a success; any other answer fails the test.</summary>
    public async Task<JsonElement> MustDo(string method, object input) =>
        Successful(method, await Procedure(method, input));

    public async Task<JsonElement> MustAsk(string method, params (string Name, string Value)[] parameters) =>
        Successful(method, await Query(method, parameters));

    public void Dispose()
    {
        _http.Dispose();
        _key.Dispose();
    }

    private static JsonElement Successful(string method, XrpcAnswer answer)
    {
        Assert.True(answer.IsSuccess, $"{method}: {answer.Status} {answer.Body}");
        return answer.Body;
    }

    private static ByteArrayContent Json(object input)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(input));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private Task<XrpcAnswer> Send(HttpRequestMessage request, string method) => SendWith(Token(method), request);

    private async Task<XrpcAnswer> SendWith(string token, HttpRequestMessage request)
    {
        using (request)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var response = await _http.SendAsync(request);
            var epoch = response.Headers.TryGetValues("MLS-Current-Epoch", out var values) ? values.Single() : null;
            return new((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>(), epoch);
        }
    }

    /// <summary>A token for one call of a method.</summary>
    public string Token(string method, TimeSpan? lifetime = null)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = new JsonObject { ["typ"] = "JWT", ["alg"] = "ES256" };
        var claims = new JsonObject
        {
            ["iat"] = now,
            ["iss"] = Did,
            ["aud"] = "did:web:localhost",
            ["exp"] = now + (long)(lifetime ?? TimeSpan.FromMinutes(1)).TotalSeconds,
            ["lxm"] = $"{Namespace}.{method}",
            ["jti"] = Convert.ToHexString(RandomNumberGenerator.GetBytes(16)),
        };
        var signed = $"{Part(header)}.{Part(claims)}";
        byte[] signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part(JsonObject value) =>
        Base64Url.EncodeToString(Encoding.UTF8.GetBytes(value.ToJsonString()));
}
