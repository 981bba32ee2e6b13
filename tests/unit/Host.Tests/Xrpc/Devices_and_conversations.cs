using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

/// <summary>Methods without MLS objects, over HTTP, as an account with one device sees them.</summary>
public sealed class Devices_and_conversations(TestHost host) : IClassFixture<TestHost>
{
    [Fact]
    public async Task The_service_says_what_it_is()
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        var (status, info) = await Get(caller, "getServiceInfo");
        Assert.Equal(200, status);
        Assert.Equal("did:web:localhost", info.GetProperty("did").GetString());
        Assert.Equal(
            [1, 2, 3, 4, 5, 6, 7],
            info.GetProperty("cipherSuites").EnumerateArray().Select(suite => suite.GetInt32())
        );
        var senders = info.GetProperty("externalSenders").EnumerateArray().ToList();
        Assert.Equal(
            [0x0403, 0x0503, 0x0603, 0x0807, 0x0808],
            senders.Select(sender => sender.GetProperty("signatureScheme").GetInt32())
        );
        Assert.Equal(
            [65, 97, 133, 32, 57],
            senders.Select(sender => sender.GetProperty("signatureKey").GetBytesFromBase64().Length)
        );
        Assert.All(
            senders,
            sender =>
                Assert.Equal(
                    [0, 1, 17, .. "did:web:localhost"u8],
                    sender.GetProperty("credential").GetBytesFromBase64()
                )
        ); // basic
        Assert.Equal(10, info.GetProperty("limits").GetProperty("claimsPerDay").GetInt32());
        Assert.Equal(401, (await Get(null, "getServiceInfo")).Status);
    }

    [Fact]
    public async Task A_device_is_listed_until_it_is_deleted()
    {
        using TestSigner caller = new(EcdsaCurve.Secp256k1);
        string key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        await Post(
            caller,
            "registerDevice",
            new
            {
                deviceId = "phone",
                deviceName = "A phone",
                signaturePublicKey = key,
            }
        );
        JsonElement device = Assert.Single(
            (await Get(caller, "listDevices")).Body.GetProperty("devices").EnumerateArray()
        );
        Assert.Equal(
            ("phone", "A phone"),
            (device.GetProperty("deviceId").GetString(), device.GetProperty("deviceName").GetString())
        );
        Assert.Equal(
            $"{caller.Did}#phone",
            Encoding.UTF8.GetString(device.GetProperty("credentialIdentity").GetBytesFromBase64())
        );
        Assert.Equal(key, Assert.Single(device.GetProperty("signaturePublicKeys").EnumerateArray()).GetString());
        Assert.Equal(
            "{\"available\":0,\"lastResort\":false}",
            (await Get(caller, "getKeyPackageStats", "deviceId=phone")).Body.GetRawText()
        );

        var (status, deleted) = await Post(caller, "deleteDevice", new { deviceId = "phone" });
        Assert.Equal((200, 0), (status, deleted.GetProperty("remainingLeaves").GetInt32()));
        Assert.Equal(0, (await Get(caller, "listDevices")).Body.GetProperty("devices").GetArrayLength());
        Assert.Equal(403, (await Get(caller, "getKeyPackageStats", "deviceId=phone")).Status);
    }

    [Fact]
    public async Task Unknown_devices_and_conversations_get_the_same_answer()
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        List<(int, string)> answers = [];
        answers.Add(Text(await Get(caller, "getConvo", "convoId=unknown")));
        answers.Add(Text(await Get(caller, "getKeyPackageStats", "deviceId=unknown")));
        answers.Add(Text(await Get(caller, "getExpectedConversations", "deviceId=unknown")));
        answers.Add(Text(await Post(caller, "deleteDevice", new { deviceId = "unknown" })));
        answers.Add(
            Text(
                await Post(
                    caller,
                    "publishKeyPackages",
                    new { deviceId = "unknown", keyPackages = new[] { new { keyPackage = "AAAA" } } }
                )
            )
        );
        Assert.Equal(403, Assert.Single(answers.Distinct()).Item1);
    }

    [Theory]
    [InlineData("getConvos", "limit=0", 400)]
    [InlineData("getConvos", "limit=101", 400)]
    [InlineData("getConvos", "limit=ten", 400)]
    [InlineData("getConvos", "limit=100&cursor=anything", 200)]
    [InlineData("getConvos", "", 200)]
    [InlineData("getConvo", "", 400)]
    [InlineData("getKeyPackageStats", "", 400)]
    [InlineData("getExpectedConversations", "", 200)]
    [InlineData("listDevices", "unknown=1", 200)]
    public async Task Parameters_are_checked_against_the_lexicon(string method, string query, int status)
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        Assert.Equal(status, (await Get(caller, method, query)).Status);
    }

    [Fact]
    public async Task Pages_are_followed_by_their_cursor()
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        await Post(
            caller,
            "registerDevice",
            new
            {
                deviceId = "phone",
                deviceName = "A phone",
                signaturePublicKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            }
        );
        HashSet<string> created = [];
        for (int i = 0; i < 3; i++)
            created.Add(await host.CreateConvo(caller.Did));
        var (_, first) = await Get(caller, "getConvos", "limit=2");
        var (_, second) = await Get(caller, "getConvos", $"limit=2&cursor={first.GetProperty("cursor").GetString()}");
        Assert.False(second.TryGetProperty("cursor", out _));
        Assert.Equal(
            created,
            first
                .GetProperty("convos")
                .EnumerateArray()
                .Concat(second.GetProperty("convos").EnumerateArray())
                .Select(convo => convo.GetProperty("convoId").GetString()!)
                .ToHashSet()
        );
    }

    private static (int, string) Text((int Status, JsonElement Body) answer) =>
        (answer.Status, answer.Body.GetRawText());

    private Task<(int Status, JsonElement Body)> Get(TestSigner? caller, string method, string query = "") =>
        Send(caller, method, new(HttpMethod.Get, $"xrpc/blue.catbird.mls.{method}?{query}"));

    private Task<(int Status, JsonElement Body)> Post(TestSigner caller, string method, object input)
    {
        ByteArrayContent body = new(JsonSerializer.SerializeToUtf8Bytes(input));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return Send(caller, method, new(HttpMethod.Post, $"xrpc/blue.catbird.mls.{method}") { Content = body });
    }

    private async Task<(int Status, JsonElement Body)> Send(
        TestSigner? caller,
        string method,
        HttpRequestMessage request
    )
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        using (request)
        {
            if (caller is not null)
                request.Headers.Authorization = new(
                    "Bearer",
                    caller.Token(
                        caller.Claims("did:web:localhost", $"blue.catbird.mls.{method}", DateTimeOffset.UtcNow)
                    )
                );
            using HttpResponseMessage answer = await client.SendAsync(request);
            return ((int)answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
        }
    }
}
