using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;
using SimpleBase;

namespace MlsConsole.Host.Tests;

public sealed class Resolving_dids : IClassFixture<DidServer>, IDisposable
{
    private readonly DidServer _server;
    private readonly ManualClock _clock = new();
    private readonly TestSigner _signer = new(EcdsaCurve.Secp256k1);
    private readonly DidFetcher _fetcher;
    private readonly DidResolver _resolver;

    public Resolving_dids(DidServer server)
    {
        _server = server;
        HostSettings settings = new()
        {
            ServiceDid = "did:web:localhost",
            AllowDidKey = false,
            AllowPrivateHosts = true,
            PlcDirectory = _server.Address,
        };
        _fetcher = new DidFetcher(settings);
        _resolver = new DidResolver(settings, _fetcher, _clock);
    }

    public void Dispose()
    {
        _resolver.Dispose();
        _fetcher.Dispose();
        _signer.Dispose();
    }

    private static string Name => Guid.NewGuid().ToString("N");

    private string Good()
    {
        string did = _server.Web(Name);
        _server.Publish(did, DidServer.Document(did, _signer.Multikey));
        return did;
    }

    [Fact]
    public async Task A_did_web_is_the_document_at_its_well_known_address()
    {
        string did = Good();
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
        Assert.Equal("/.well-known/did.json", _server.Target(did));
    }

    [Fact]
    public async Task A_did_plc_is_asked_of_the_directory()
    {
        const string Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
        _server.Publish(Did, DidServer.Document(Did, _signer.Multikey));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(Did)));
        Assert.Equal("/did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz", _server.Target(Did));
        Assert.Null(await _resolver.SigningKeyOfAsync("did:plc:ewvi7nxzyoun6zhxrhs64oi2"));
    }

    [Fact]
    public async Task A_key_in_the_legacy_form_is_a_key()
    {
        string did = _server.Web(Name);
        _server.Publish(
            did,
            new JsonObject
            {
                ["id"] = did,
                ["verificationMethod"] = new JsonArray(
                    new JsonObject
                    {
                        ["id"] = "#atproto",
                        ["type"] = "EcdsaSecp256k1VerificationKey2019",
                        ["publicKeyMultibase"] = "z" + Base58.Bitcoin.Encode(_signer.UncompressedPoint),
                    }
                ),
            }
        );
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
    }

    /// <summary>What a host may answer instead of its document, each a change of the answer that is accepted.</summary>
    public static TheoryData<string> NotADocument =>
        new(
            "404",
            "500",
            "redirect",
            "too large",
            "wrong id",
            "no json",
            "no object",
            "no key",
            "another method",
            "a key of no known kind",
            "another document's key",
            "id twice"
        );

    [Theory, MemberData(nameof(NotADocument))]
    public async Task Anything_else_is_no_document_and_is_not_asked_again_at_once(string what)
    {
        string did = _server.Web(Name),
            target = Good();
        JsonObject good = DidServer.Document(did, _signer.Multikey);
        _server.Publish(did, good);
        Assert.NotNull((await _fetcher.FetchAsync(did)).Document!.SigningKey);

        _server.Answer(
            did,
            context =>
            {
                switch (what)
                {
                    case "404":
                        context.Response.StatusCode = 404;
                        return Task.CompletedTask;
                    case "500":
                        context.Response.StatusCode = 500;
                        break;
                    case "redirect":
                        context.Response.Redirect(
                            $"http://{DidAddress.OfWeb(target, true)!.Authority}/.well-known/did.json"
                        );
                        return Task.CompletedTask;
                    case "too large":
                        good["padding"] = new string('x', 64 * 1024);
                        break;
                    case "wrong id":
                        good["id"] = did + "x";
                        break;
                    case "no json":
                        return context.Response.WriteAsync(good.ToJsonString()[..^1]);
                    case "no object":
                        return context.Response.WriteAsync($"[{good.ToJsonString()}]");
                    case "no key":
                        good.Remove("verificationMethod");
                        break;
                    case "another method":
                        good["verificationMethod"]![0]!["id"] = did + "#other";
                        break;
                    case "a key of no known kind":
                        good["verificationMethod"]![0]!["type"] = "Ed25519VerificationKey2020";
                        break;
                    case "another document's key":
                        good["verificationMethod"]![0]!["id"] = target + "#atproto";
                        break;
                    case "id twice":
                        return context.Response.WriteAsync($$"""{"id":"x",{{good.ToJsonString()[1..]}}""");
                    default:
                        throw new InvalidOperationException(what);
                }
                return context.Response.WriteAsync(good.ToJsonString());
            }
        );
        int before = _server.Asked(did);
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
        Assert.Equal(before + 1, _server.Asked(did));
        Assert.Equal(0, _server.Asked(target));

        _server.Publish(did, DidServer.Document(did, _signer.Multikey));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_host_has_three_seconds_for_all_of_it(bool headers)
    {
        string did = _server.Web(Name);
        TaskCompletionSource givenUp = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _server.Answer(
            did,
            async context =>
            {
                context.RequestAborted.Register(givenUp.SetResult);
                if (headers)
                    await context.Response.WriteAsync("{");
                await givenUp.Task;
            }
        );
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
        await givenUp.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task All_who_ask_at_the_same_time_share_one_fetch()
    {
        string did = _server.Web(Name);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _server.Answer(
            did,
            async context =>
            {
                await release.Task;
                await context.Response.WriteAsync(DidServer.Document(did, _signer.Multikey).ToJsonString());
            }
        );
        Task<EcdsaPublicKey?>[] asking =
        [
            .. Enumerable.Range(0, 50).Select(_ => _resolver.SigningKeyOfAsync(did).AsTask()),
        ];
        release.SetResult();
        Assert.All(await Task.WhenAll(asking), key => Assert.True(Fits(key)));
        Assert.Equal(1, _server.Asked(did));
    }

    [Fact]
    public async Task Slow_hosts_of_did_web_keep_nobody_from_the_directory()
    {
        const string Plc = "did:plc:ewvi7nxzyoun6zhxrhs64oia";
        _server.Publish(Plc, DidServer.Document(Plc, _signer.Multikey));
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        string[] slow = [.. Enumerable.Range(0, 128).Select(_ => _server.Web(Name))];
        foreach (string did in slow)
            _server.Answer(did, _ => release.Task);
        Task[] fetching = [.. slow.Select(did => (Task)_fetcher.FetchAsync(did))];
        XrpcException refused = await Assert.ThrowsAsync<XrpcException>(async () =>
            await _resolver.SigningKeyOfAsync(_server.Web(Name))
        );
        Assert.Equal((503, "NotEnoughResources", 1), (refused.Status, refused.Error, refused.RetryAfter));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(Plc)));
        release.SetResult();
        await Task.WhenAll(fetching);
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(Good())));
    }

    [Fact]
    public async Task A_document_is_kept_for_an_hour_and_longer_where_its_host_cannot_be_asked()
    {
        string did = Good();
        await _resolver.SigningKeyOfAsync(did);
        _clock.Advance(TimeSpan.FromMinutes(59));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
        Assert.Equal(1, _server.Asked(did));
        _server.Answer(
            did,
            context =>
            {
                context.Response.StatusCode = 503;
                return Task.CompletedTask;
            }
        );
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
        Assert.True(Fits(await _resolver.SigningKeyOfAsync(did)));
        Assert.Equal(2, _server.Asked(did));
        _clock.Advance(TimeSpan.FromHours(24));
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
    }

    [Fact]
    public async Task A_document_that_is_taken_away_is_no_more_after_an_hour()
    {
        string did = Good();
        await _resolver.SigningKeyOfAsync(did);
        _server.Answer(
            did,
            context =>
            {
                context.Response.StatusCode = 410;
                return Task.CompletedTask;
            }
        );
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
    }

    [Fact]
    public async Task A_key_that_does_not_fit_is_asked_for_anew_once_a_minute()
    {
        string did = Good();
        EcdsaPublicKey old = (await _resolver.SigningKeyOfAsync(did))!;
        using TestSigner next = new(EcdsaCurve.P256);
        _server.Publish(did, DidServer.Document(did, next.Multikey));

        // The document is younger than a minute: nobody is asked.
        Assert.Null(await _resolver.SigningKeyOfAsync(did, unfit: old));
        Assert.Equal(1, _server.Asked(did));
        _clock.Advance(TimeSpan.FromMinutes(1));
        EcdsaPublicKey newer = (await _resolver.SigningKeyOfAsync(did, unfit: old))!;
        Assert.Equal(EcdsaCurve.P256, newer.Curve);
        Assert.Equal(2, _server.Asked(did));

        // Who still has the old key gets the new one without a question, and a thousand bad signatures cause none.
        Assert.Same(newer, await _resolver.SigningKeyOfAsync(did, unfit: old));
        for (int i = 0; i < 1000; i++)
            Assert.Null(await _resolver.SigningKeyOfAsync(did, unfit: newer));
        Assert.Equal(2, _server.Asked(did));
    }

    [Theory]
    [InlineData("did:web:localhost/a")]
    [InlineData("did:web:localhost:path")]
    [InlineData("did:web:example.com:user:alice")]
    [InlineData("did:web:127.0.0.1")]
    [InlineData("did:web:2130706433")]
    [InlineData("did:web:0x7f000001")]
    [InlineData("did:web:intranet")]
    [InlineData("did:web:user@example.com")]
    [InlineData("did:web:example.com%2F..")]
    [InlineData("did:web:example.com%3A0")]
    [InlineData("did:web:example.com%3A65536")]
    [InlineData("did:web:example.com%3A80%3A80")]
    [InlineData("did:web:-a.example.com")]
    [InlineData("did:web:")]
    [InlineData("did:plc:ewvi7nxzyoun6zhxrhs64oi")]
    [InlineData("did:plc:EWVI7NXZYOUN6ZHXRHS64OIZ")]
    [InlineData("did:plc:ewvi7nxzyoun6zhxrhs64oi/")]
    [InlineData("did:example:a")]
    [InlineData("did:key:zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc")]
    [InlineData("nonsense")]
    public async Task What_has_no_address_is_asked_of_nobody(string did)
    {
        Assert.False(_fetcher.Knows(did));
        Assert.Null(await _resolver.SigningKeyOfAsync(did));
        Assert.Equal(0, _resolver.Kept);
    }

    [Theory]
    [InlineData("did:web:example.com", "https://example.com/.well-known/did.json")]
    [InlineData("did:web:example.com%3A8443", "https://example.com:8443/.well-known/did.json")]
    [InlineData("did:web:a-b.xn--bcher-kva.example%3a1", "https://a-b.xn--bcher-kva.example:1/.well-known/did.json")]
    [InlineData("did:web:localhost%3A1234", "http://localhost:1234/.well-known/did.json")]
    public void A_did_web_names_its_address(string did, string address) =>
        Assert.Equal(address, DidAddress.OfWeb(did, plainLoopback: true)!.AbsoluteUri);

    [Fact]
    public void Http_is_for_this_machine_where_private_hosts_are_allowed()
    {
        Assert.Equal("https", DidAddress.OfWeb("did:web:localhost%3A1234", plainLoopback: false)!.Scheme);
        Assert.Equal("https", DidAddress.OfWeb("did:web:example.com", plainLoopback: true)!.Scheme);
    }

    /// <summary>
    /// A name server may say anything, and another thing each time: what counts is the address that is connected to.
    /// </summary>
    [Theory]
    [InlineData("10.1.2.3", false)]
    [InlineData("127.0.0.1", false)]
    [InlineData("127.0.0.1", true)]
    public async Task A_host_without_a_public_address_is_never_connected_to(string address, bool allowed)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        Task<TcpClient> connected = listener.AcceptTcpClientAsync();
        HostSettings settings = new()
        {
            ServiceDid = "did:web:localhost",
            AllowDidKey = false,
            AllowPrivateHosts = allowed,
        };
        using DidFetcher rebinding = new(settings, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]));
        Task<FetchedDocument> fetching = rebinding.FetchAsync(
            $"did:web:rebind.example.com%3A{((IPEndPoint)listener.LocalEndpoint).Port}"
        );
        if (allowed)
        {
            using TcpClient client = await connected; // the control: with the setting the same fetch connects
            client.Close();
            Assert.Equal(new(null, IsAnswer: false), await fetching);
            return;
        }
        Assert.Equal(new(null, IsAnswer: true), await fetching);
        Assert.False(connected.IsCompleted);
        Assert.Equal(
            new(null, IsAnswer: true),
            await rebinding.FetchAsync($"did:web:localhost%3A{((IPEndPoint)listener.LocalEndpoint).Port}")
        );
        Assert.False(connected.IsCompleted || listener.Pending());
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2606:4700::1111", true)]
    [InlineData("64:ff9b::808:808", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.0.0.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.255.255.254", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.32.0.1", true)]
    [InlineData("192.168.1.1", false)]
    [InlineData("198.19.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("::ffff:8.8.8.8", true)]
    [InlineData("64:ff9b::7f00:1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("ff02::1", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("2002:7f00:1::", false)]
    public void Addresses_of_ones_own_networks_are_not_public(string address, bool isPublic) =>
        Assert.Equal(isPublic, PublicAddresses.Contain(IPAddress.Parse(address)));

    [Fact]
    public async Task However_many_dids_there_are_what_is_kept_is_bounded()
    {
        string good = Good();
        await _resolver.SigningKeyOfAsync(good);
        HostSettings settings = new() { ServiceDid = "did:web:localhost", AllowDidKey = false };
        // Each has a host without a public address: an answer, and one that costs no connection.
        using DidFetcher nowhere = new(settings, static (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
        using DidResolver other = new(settings, nowhere, _clock);
        for (int i = 0; i < DidResolver.MaxKept + 1000; i += 100)
            await Task.WhenAll(
                Enumerable.Range(i, 100).Select(at => other.SigningKeyOfAsync($"did:web:a{at}.example.com").AsTask())
            );
        Assert.InRange(other.Kept, 1, DidResolver.MaxKept);
    }

    private bool Fits(EcdsaPublicKey? key) =>
        key is not null && key.Verify(Encoding.ASCII.GetBytes("x"), _signer.Sign(Encoding.ASCII.GetBytes("x")));
}
