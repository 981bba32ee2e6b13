using System.IO.Compression;
using System.Text;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

/// <summary>What goes over the wire, byte for byte, and what comes back: the conventions of XRPC.</summary>
public sealed class Raw_requests(ProbeHost host) : IClassFixture<ProbeHost>
{
    private const string Query = ProbeHost.Ask;
    private const string Procedure = ProbeHost.Tell;
    private const string JsonType = "Content-Type: application/json\n";
    private static readonly byte[] s_emptyObject = "{}"u8.ToArray();

    /// <summary>Requests without a token: the answer shows how far each of them gets.</summary>
    public static TheoryData<string, string?, int, string> Unauthenticated =>
        new()
        {
            // Paths and methods.
            { "GET /xrpc/com.example.unknown HTTP/1.1", null, 501, "MethodNotImplemented" },
            { "POST /xrpc/com.example.unknown HTTP/1.1\nContent-Length: 2", "{}", 501, "MethodNotImplemented" },
            { "DELETE /xrpc/com.example.unknown HTTP/1.1", null, 501, "MethodNotImplemented" },
            { $"GET /xrpc/{Query.ToUpperInvariant()} HTTP/1.1", null, 501, "MethodNotImplemented" },
            { "GET /xrpc HTTP/1.1", null, 400, "InvalidRequest" },
            { "GET /xrpc/ HTTP/1.1", null, 400, "InvalidRequest" },
            { "GET /xrpc//x HTTP/1.1", null, 400, "InvalidRequest" },
            { $"GET /xrpc/{Query}/more HTTP/1.1", null, 400, "InvalidRequest" },
            { $"GET /xrpc/{Query}%20 HTTP/1.1", null, 400, "InvalidRequest" },
            { "GET /xrpc/com%2Eexample.probe.ask HTTP/1.1", null, 400, "InvalidRequest" },
            { "GET /xrpc/_health HTTP/1.1", null, 400, "InvalidRequest" },
            // Verbs.
            { $"POST /xrpc/{Query} HTTP/1.1\nContent-Length: 0", null, 400, "InvalidRequest" },
            { $"PUT /xrpc/{Query} HTTP/1.1\nContent-Length: 0", null, 400, "InvalidRequest" },
            { $"GET /xrpc/{Procedure} HTTP/1.1", null, 400, "InvalidRequest" },
            { $"HEAD /xrpc/{Procedure} HTTP/1.1", null, 400, "" },
            { $"PATCH /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Length: 2", "{}", 400, "InvalidRequest" },
            // A body where none belongs; an empty one is none.
            { $"GET /xrpc/{Query} HTTP/1.1\n{JsonType}Content-Length: 2", "{}", 400, "InvalidRequest" },
            { $"GET /xrpc/{Query} HTTP/1.1\nTransfer-Encoding: chunked", "0\r\n\r\n", 400, "InvalidRequest" },
            { $"GET /xrpc/{Query} HTTP/1.1\nContent-Length: 0", null, 401, "AuthenticationRequired" },
            { $"GET /xrpc/{Query} HTTP/1.1\n{JsonType}", null, 401, "AuthenticationRequired" },
            // The body's headers.
            { $"POST /xrpc/{Procedure} HTTP/1.1", null, 400, "InvalidRequest" },
            { $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}", null, 400, "InvalidRequest" },
            { $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Length: 2", "{}", 400, "InvalidRequest" },
            { $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type:\nContent-Length: 2", "{}", 400, "InvalidRequest" },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: text/plain\nContent-Length: 2",
                "{}",
                400,
                "InvalidRequest"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: application/jsonx\nContent-Length: 2",
                "{}",
                400,
                "InvalidRequest"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: application/vnd.x+json\nContent-Length: 2",
                "{}",
                400,
                "InvalidRequest"
            },
            { $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: json\nContent-Length: 2", "{}", 400, "InvalidRequest" },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: application/json; charset=latin1\nContent-Length: 2",
                "{}",
                415,
                "UnsupportedMediaType"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\nContent-Type: application/json; charset=utf-16\nContent-Length: 2",
                "{}",
                415,
                "UnsupportedMediaType"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Encoding: zstd\nContent-Length: 2",
                "{}",
                415,
                "UnsupportedMediaType"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Encoding: gzip, gzip\nContent-Length: 2",
                "{}",
                415,
                "UnsupportedMediaType"
            },
            { $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Length: 999999999", null, 413, "PayloadTooLarge" },
            { $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Length: 2", "{}", 401, "AuthenticationRequired" },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\n"
                    + "Content-Type: Application/JSON; Charset=\"UTF-8\"\nContent-Length: 2",
                "{}",
                401,
                "AuthenticationRequired"
            },
            {
                $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Transfer-Encoding: chunked",
                "2\r\n{}\r\n0\r\n\r\n",
                401,
                "AuthenticationRequired"
            },
            // The token comes after all that, and before what is in the body.
            { $"POST /xrpc/{Procedure} HTTP/1.1\n{JsonType}Content-Length: 1", "{", 401, "AuthenticationRequired" },
            { $"GET /xrpc/{Query} HTTP/1.1", null, 401, "AuthenticationRequired" },
            { $"GET /xrpc/{Query} HTTP/1.1\nAuthorization: Basic Zm9vOmJhcg==", null, 401, "AuthenticationRequired" },
            { $"GET /xrpc/{Query} HTTP/1.1\nAuthorization: Bearer", null, 401, "AuthenticationRequired" },
            { $"GET /xrpc/{Query} HTTP/1.1\nAuthorization: Bearer a.b.c", null, 401, "AuthenticationRequired" },
            {
                $"GET /xrpc/{Query} HTTP/1.1\nAuthorization: Bearer a.b.c\nAuthorization: Bearer a.b.c",
                null,
                401,
                "AuthenticationRequired"
            },
            { $"HEAD /xrpc/{Query} HTTP/1.1", null, 401, "" },
        };

    [Theory, MemberData(nameof(Unauthenticated))]
    public async Task A_raw_request_is_answered_by_the_boundary(string head, string? body, int status, string error)
    {
        RawAnswer answer = await RawHttp.Send(host.Address, head, body is null ? null : Encoding.UTF8.GetBytes(body));
        Assert.Equal(status, answer.Status);
        Assert.Equal("*", answer.Headers["Access-Control-Allow-Origin"]);
        Assert.Contains("application/json", answer.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.False(answer.Headers.ContainsKey("Location"));
        Assert.Equal(status == 401, answer.Headers.ContainsKey("WWW-Authenticate"));
        if (head.StartsWith("HEAD", StringComparison.Ordinal))
        {
            Assert.Empty(answer.Body);
            return;
        }
        Assert.Equal(error, answer.Error);
        Assert.False(string.IsNullOrEmpty(answer.Message));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public async Task A_compressed_body_is_read_and_limited_by_what_comes_out(string encoding)
    {
        byte[] device = s_emptyObject;
        byte[] small = Compress(encoding, device);
        Assert.Equal(
            200,
            (await Post(Procedure, small, $"Content-Encoding: {encoding}\nContent-Length: {small.Length}")).Status
        );

        byte[] bomb = Compress(encoding, new byte[64 * 1024 * 1024]);
        RawAnswer tooLarge = await Post(
            Procedure,
            bomb,
            $"Content-Encoding: {encoding}\nContent-Length: {bomb.Length}"
        );
        Assert.Equal((413, "PayloadTooLarge"), (tooLarge.Status, tooLarge.Error));

        RawAnswer plain = await Post(
            Procedure,
            device,
            $"Content-Encoding: {encoding}\nContent-Length: {device.Length}"
        );
        Assert.Equal((400, "InvalidRequest"), (plain.Status, plain.Error));
    }

    [Fact]
    public async Task A_chunked_body_without_a_length_is_limited_too()
    {
        byte[] device = s_emptyObject;
        Assert.Equal(200, (await Post(Procedure, RawHttp.Chunked(device), "Transfer-Encoding: chunked")).Status);
        RawAnswer answer = await Post(
            Procedure,
            RawHttp.Chunked(new byte[40 * 1024 * 1024]),
            "Transfer-Encoding: chunked"
        );
        Assert.Equal((413, "PayloadTooLarge"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task A_token_is_used_up_by_its_first_request_and_so_is_its_high_s_twin()
    {
        using TestSigner signer = new(EcdsaCurve.Secp256k1);
        System.Text.Json.Nodes.JsonObject claims = signer.Claims("did:web:localhost", Procedure, DateTimeOffset.UtcNow);
        string token = signer.Token(claims);
        string twin = signer.Token(claims, change: signer.Twin);
        byte[] body = s_emptyObject;
        Assert.Equal(200, (await Post(Procedure, body, $"Content-Length: {body.Length}", token)).Status);
        foreach (string again in (string[])[token, twin])
        {
            RawAnswer answer = await Post(Procedure, body, $"Content-Length: {body.Length}", again);
            Assert.Equal((401, "AuthenticationRequired"), (answer.Status, answer.Error));
        }
    }

    [Fact]
    public async Task A_request_refused_before_its_token_leaves_the_token_usable()
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        string token = signer.Token(signer.Claims("did:web:localhost", Procedure, DateTimeOffset.UtcNow));
        byte[] body = s_emptyObject;
        Assert.Equal(413, (await Post(Procedure, null, "Content-Length: 999999999", token)).Status);
        Assert.Equal(200, (await Post(Procedure, body, $"Content-Length: {body.Length}", token)).Status);
    }

    [Fact]
    public async Task A_token_for_another_method_is_refused()
    {
        RawAnswer answer = await Post(Procedure, s_emptyObject, "Content-Length: 2", Token(Query));
        Assert.Equal((401, "AuthenticationRequired"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Head_of_a_query_has_the_headers_of_get_and_no_body()
    {
        RawAnswer get = await Get(Query, "?a=b");
        RawAnswer head = await Get(Query, "?a=b", "HEAD");
        Assert.Equal(get.Status, head.Status);
        Assert.Equal(get.Headers["Content-Length"], head.Headers["Content-Length"]);
        Assert.Empty(head.Body);
    }

    [Theory]
    [InlineData(Query)]
    [InlineData("com.example.unknown")]
    public async Task A_preflight_allows_any_origin(string nsid)
    {
        RawAnswer answer = await RawHttp.Send(
            host.Address,
            $"""
            OPTIONS /xrpc/{nsid} HTTP/1.1
            Origin: https://app.example.com
            Access-Control-Request-Method: POST
            Access-Control-Request-Headers: authorization,content-type,atproto-proxy
            """
        );
        Assert.Equal(204, answer.Status);
        Assert.Equal("*", answer.Headers["Access-Control-Allow-Origin"]);
        Assert.Equal("authorization,content-type,atproto-proxy", answer.Headers["Access-Control-Allow-Headers"]);
        Assert.Empty(answer.Body);
    }

    [Fact]
    public async Task A_browser_may_read_the_headers_that_say_how_to_go_on()
    {
        RawAnswer answer = await Get(Query, "?a=b");
        foreach (
            string header in (string[])["MLS-Current-Epoch", "Retry-After", "RateLimit-Remaining", "Correlation-Id"]
        )
            Assert.Contains(header, answer.Headers["Access-Control-Expose-Headers"], StringComparison.Ordinal);
        Assert.NotEmpty(answer.Headers["Correlation-Id"]);
    }

    [Fact]
    public async Task A_fault_of_ours_is_told_to_the_log_and_not_to_the_caller()
    {
        host.Fault = new InvalidOperationException("marker-of-the-cause");
        try
        {
            RawAnswer answer = await Get(Query, "");
            Assert.Equal((500, "InternalServerError"), (answer.Status, answer.Error));
            Assert.DoesNotContain("marker", answer.Body, StringComparison.Ordinal);
            lock (host.Log)
                Assert.Contains(
                    host.Log,
                    line =>
                        line.Contains("marker-of-the-cause", StringComparison.Ordinal)
                        && line.Contains(answer.Headers["Correlation-Id"], StringComparison.Ordinal)
                );
        }
        finally
        {
            host.Fault = null;
        }
    }

    [Fact]
    public async Task A_refusal_of_a_feature_is_answered_with_all_it_says()
    {
        host.Fault = Refusal.EpochMismatch(17, 16).AsException();
        List<ActivityRecord> seen = [];
        try
        {
            using IDisposable subscription = host.Feed.Subscribe(seen.Add);
            RawAnswer answer = await Get(Query, "");
            Assert.Equal(
                (409, "EpochMismatch", "17", "stale"),
                (answer.Status, answer.Error, answer.Json("currentEpoch"), answer.Json("reason"))
            );
            Assert.Equal("17", answer.Headers["MLS-Current-Epoch"]);
            RequestAnswered activity = Assert.IsType<RequestAnswered>(Assert.Single(seen));
            Assert.Equal(
                ("EpochMismatch", "stale", 17ul, answer.Headers["Correlation-Id"]),
                (activity.Outcome, activity.Reason, activity.Epoch, activity.CorrelationId)
            );
        }
        finally
        {
            host.Fault = null;
        }
    }

    [Fact]
    public async Task What_an_unauthorised_caller_calls_a_conversation_is_not_repeated()
    {
        host.Fault = Refusal.Unauthorized("never-member").AsException();
        List<ActivityRecord> seen = [];
        try
        {
            using IDisposable subscription = host.Feed.Subscribe(seen.Add);
            RawAnswer answer = await Get(Query, "");
            Assert.Equal((403, "Unauthorized"), (answer.Status, answer.Error));
            RequestAnswered activity = Assert.IsType<RequestAnswered>(Assert.Single(seen));
            Assert.Equal(("never-member", null), (activity.Reason, activity.ConvoId));
        }
        finally
        {
            host.Fault = null;
        }
    }

    [Fact]
    public async Task Every_request_is_one_activity_and_a_preflight_is_none()
    {
        List<ActivityRecord> seen = [];
        using (
            host.Feed.Subscribe(activity =>
            {
                lock (seen)
                    seen.Add(activity);
            })
        )
        {
            await Get(Query, "?a=b");
            await RawHttp.Send(host.Address, $"OPTIONS /xrpc/{Query} HTTP/1.1");
            await RawHttp.Send(host.Address, $"GET /xrpc/{Query} HTTP/1.1");
            await RawHttp.Send(host.Address, "GET /xrpc/com.example.unknown HTTP/1.1");
            await RawHttp.Send(host.Address, "GET /xrpc/ HTTP/1.1");
        }
        List<RequestAnswered> requests = [.. seen.OfType<RequestAnswered>()];
        Assert.Equal(
            ["ask accepted", "ask AuthenticationRequired", "unknown MethodNotImplemented", "unknown InvalidRequest"],
            requests.Select(static activity => $"{activity.Method} {activity.Outcome}")
        );
        Assert.Equal(("convo", 7ul), (requests[0].ConvoId, requests[0].Epoch));
        Assert.Equal("token-missing", requests[1].Reason);
    }

    private static string Token(string method)
    {
        using TestSigner signer = new(EcdsaCurve.P256);
        return signer.Token(signer.Claims("did:web:localhost", method, DateTimeOffset.UtcNow));
    }

    private Task<RawAnswer> Get(string method, string query, string verb = "GET") =>
        RawHttp.Send(host.Address, $"{verb} /xrpc/{method}{query} HTTP/1.1\nAuthorization: Bearer {Token(method)}");

    private Task<RawAnswer> Post(string method, byte[]? body, string length, string? token = null) =>
        RawHttp.Send(
            host.Address,
            $"POST /xrpc/{method} HTTP/1.1\n{JsonType}Authorization: Bearer {token ?? Token(method)}\n{length}",
            body
        );

    private static byte[] Compress(string encoding, byte[] body)
    {
        using MemoryStream output = new();
        using (
            Stream stream = encoding switch
            {
                "gzip" => new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true),
                "deflate" => new ZLibStream(output, CompressionLevel.Fastest, leaveOpen: true),
                _ => new BrotliStream(output, CompressionLevel.Fastest, leaveOpen: true),
            }
        )
            stream.Write(body);
        return output.ToArray();
    }
}
