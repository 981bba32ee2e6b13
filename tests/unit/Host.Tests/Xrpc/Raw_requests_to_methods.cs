using System.Text;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core.Audit;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Tests;

/// <summary>
/// The conventions of XRPC for what is in parameters and bodies, byte for byte, by methods as they are: each case is
/// one thing changed in a request that is accepted.
/// </summary>
public sealed class Raw_requests_to_methods(TestHost host) : IClassFixture<TestHost>
{
    private const string Namespace = "blue.catbird.mls.";

    /// <summary>
    /// A query, its parameters as sent, and the answer. Who reaches an unknown conversation (403) has passed the
    /// lexicon.
    /// </summary>
    public static TheoryData<string, string, int> Parameters =>
        new()
        {
            // Absent, empty, unknown, in another case.
            { "getConvos", "", 200 },
            { "getConvos", "?", 200 },
            { "getConvos", "?&&", 200 },
            { "getConvos", "?limit", 200 },
            { "getConvos", "?limit=", 200 },
            { "getConvos", "?limit=&limit=1", 200 },
            { "getConvos", "?unknown=1&unknown=2&unknown", 200 },
            { "getConvos", "?LIMIT=0", 200 },
            { "getGroupInfo", "?convoId=c", 403 },
            { "getGroupInfo", "?convoId=%63", 403 },
            { "getGroupInfo", "?convo%49d=c", 403 },
            { "getGroupInfo", "?convoId=a+b", 403 },
            { "getGroupInfo", "", 400 },
            { "getGroupInfo", "?convoId=", 400 },
            { "getGroupInfo", "?convoid=c", 400 },
            { "getGroupInfo", "?convoId=a&convoId=b", 400 },
            // Lengths are those of UTF-8: 128 bytes.
            { "getGroupInfo", "?convoId=" + new string('c', 128), 403 },
            { "getGroupInfo", "?convoId=" + new string('c', 129), 400 },
            { "getGroupInfo", "?convoId=" + string.Concat(Enumerable.Repeat("%C3%BC", 64)), 403 },
            { "getGroupInfo", "?convoId=" + string.Concat(Enumerable.Repeat("%C3%BC", 65)), 400 },
            // Booleans.
            { "getGroupInfo", "?convoId=c&includeTree=true", 403 },
            { "getGroupInfo", "?convoId=c&includeTree=false", 403 },
            { "getGroupInfo", "?convoId=c&includeTree=", 403 },
            { "getGroupInfo", "?convoId=c&includeTree=TRUE", 400 },
            { "getGroupInfo", "?convoId=c&includeTree=True", 400 },
            { "getGroupInfo", "?convoId=c&includeTree=1", 400 },
            { "getGroupInfo", "?convoId=c&includeTree=yes", 400 },
            { "getGroupInfo", "?convoId=c&includeTree=%20true", 400 },
            { "getGroupInfo", "?convoId=c&includeTree=true&includeTree=true", 400 },
            // Integers.
            { "getConvos", "?limit=1", 200 },
            { "getConvos", "?limit=100", 200 },
            { "getConvos", "?limit=0", 400 },
            { "getConvos", "?limit=101", 400 },
            { "getConvos", "?limit=-1", 400 },
            { "getConvos", "?limit=%2B1", 400 },
            { "getConvos", "?limit=+1", 400 },
            { "getConvos", "?limit=1%20", 400 },
            { "getConvos", "?limit=1.0", 400 },
            { "getConvos", "?limit=1e1", 400 },
            { "getConvos", "?limit=0x10", 400 },
            { "getConvos", "?limit=1,0", 400 },
            { "getConvos", "?limit=%D9%A1", 400 },
            { "getConvos", "?limit=true", 400 },
            { "getConvos", "?limit=4294967297", 400 },
            { "getConvos", "?limit=9007199254740993", 400 },
            { "getConvos", "?limit=18446744073709551617", 400 },
            { "getConvos", "?limit=1&limit=1", 400 },
            // An epoch is a decimal string, of 53 bits.
            { "getCommits", "?convoId=c&fromEpoch=0", 403 },
            { "getCommits", "?convoId=c&fromEpoch=4294967296", 403 },
            { "getCommits", "?convoId=c&fromEpoch=9007199254740991", 403 },
            { "getCommits", "?convoId=c&fromEpoch=9007199254740992", 400 },
            { "getCommits", "?convoId=c&fromEpoch=18446744073709551616", 400 },
            { "getCommits", "?convoId=c&fromEpoch=-1", 400 },
            { "getCommits", "?convoId=c&fromEpoch=1.0", 400 },
            { "getCommits", "?convoId=c&fromEpoch=01", 400 },
            { "getCommits", "?convoId=c", 400 },
        };

    [Theory, MemberData(nameof(Parameters))]
    public async Task A_query_reads_its_parameters_as_xrpc_has_them(string method, string query, int status)
    {
        RawAnswer answer = await RawHttp.Send(
            host.Address,
            $"GET /xrpc/{Namespace}{method}{query} HTTP/1.1\nAuthorization: Bearer {Token(method)}"
        );
        Check(answer, status);
    }

    private const string Good = """{"dids":["did:web:a.example"],"cipherSuite":1}""";

    /// <summary>Bodies of claimKeyPackages.</summary>
    public static TheoryData<string, int> Bodies =>
        new()
        {
            { Good, 200 },
            { " \r\n\t" + Good + "\n ", 200 },
            { """{"cipherSuite":1,"dids":["did:web:a.example","did:web:b.example"]}""", 200 },
            { """{"dids":["did:web:a.\u0065xample"],"cipher\u0053uite":1}""", 200 },
            // Unknown fields are ignored, whatever they are.
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"unknown":null,"unknown":[1.5,{"a":{}}]}""", 200 },
            { """{"$type":"x","dids":["did:web:a.example"],"cipherSuite":1}""", 200 },
            // Malformed.
            { "", 400 },
            { " ", 400 },
            { "{", 400 },
            { Good + "}", 400 },
            { Good + Good, 400 },
            { Good[..^1] + ",}", 400 },
            { "/**/" + Good, 400 },
            { """{'dids':['did:web:a.example'],'cipherSuite':1}""", 400 },
            { """{dids:["did:web:a.example"],"cipherSuite":1}""", 400 },
            { "\uFEFF" + Good, 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"x":"\ud800"}""", 200 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":"\ud800"}""", 400 },
            {
                """{"dids":["did:web:a.example"],"cipherSuite":1,"x":"""
                    + new string('[', 100)
                    + new string(']', 100)
                    + "}",
                400
            },
            // Another kind of value at the top.
            { "null", 400 },
            { "[]", 400 },
            { "[" + Good + "]", 400 },
            { "1", 400 },
            { "\"{}\"", 400 },
            // Required, null, twice, in another case.
            { "{}", 400 },
            { """{"dids":["did:web:a.example"]}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":null}""", 400 },
            { """{"dids":null,"cipherSuite":1}""", 400 },
            { """{"dids":[null],"cipherSuite":1}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":null}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"cipherSuite":1}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"cipher\u0053uite":1}""", 400 },
            { """{"dids":["did:web:a.example"],"ciphersuite":1}""", 400 },
            { """{"Dids":["did:web:a.example"],"cipherSuite":1}""", 400 },
            // Integers.
            { """{"dids":["did:web:a.example"],"cipherSuite":9007199254740991}""", 200 },
            { """{"dids":["did:web:a.example"],"cipherSuite":9007199254740992}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":9223372036854775807}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":18446744073709551617}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":-1}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1.0}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1.5}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1e0}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":01}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":+1}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":NaN}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":"1"}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":true}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":[1]}""", 400 },
            // Arrays and strings.
            { """{"dids":"did:web:a.example","cipherSuite":1}""", 400 },
            { """{"dids":{"0":"did:web:a.example"},"cipherSuite":1}""", 400 },
            { """{"dids":[],"cipherSuite":1}""", 400 },
            { """{"dids":[["did:web:a.example"]],"cipherSuite":1}""", 400 },
            { """{"dids":["did:web:a.example",],"cipherSuite":1}""", 400 },
            { """{"dids":[17],"cipherSuite":1}""", 400 },
            { """{"dids":["a.example"],"cipherSuite":1}""", 400 },
            { $$"""{"dids":[{{Accounts(100)}}],"cipherSuite":1}""", 200 },
            { $$"""{"dids":[{{Accounts(101)}}],"cipherSuite":1}""", 400 },
            { """{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":""}""", 400 },
            { $$"""{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":"{{new string('ü', 64)}}"}""", 200 },
            { $$"""{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":"{{new string('ü', 65)}}"}""", 400 },
        };

    [Theory, MemberData(nameof(Bodies))]
    public async Task A_procedure_reads_its_body_as_its_lexicon_says(string body, int status) =>
        Check(await Post("claimKeyPackages", Encoding.UTF8.GetBytes(body)), status);

    [Fact]
    public async Task A_body_that_is_no_utf8_is_malformed()
    {
        byte[] body = Encoding.UTF8.GetBytes("""{"dids":["did:web:a.example"],"cipherSuite":1,"idempotencyKey":"x"}""");
        Check(await Post("claimKeyPackages", body), 200);
        body[Array.LastIndexOf(body, (byte)'x')] = 0xff;
        Check(await Post("claimKeyPackages", body), 400);
    }

    [Theory]
    [InlineData("""{"keyPackage":"AAAA","lastResort":true}""", "InvalidKeyPackage")]
    [InlineData("""{"keyPackage":"AAAA","lastResort":"true"}""", "InvalidRequest")]
    [InlineData("""{"keyPackage":"AAAA","lastResort":1}""", "InvalidRequest")]
    [InlineData("""{"keyPackage":"AAAA","lastResort":null}""", "InvalidRequest")]
    [InlineData("""{"keyPackage":"AAAA","lastResort":TRUE}""", "InvalidRequest")]
    [InlineData("""{"keyPackage":"AA A","lastResort":true}""", "InvalidRequest")]
    [InlineData("""{"keyPackage":"-_-_","lastResort":true}""", "InvalidRequest")]
    public async Task Booleans_and_base64_in_a_body_are_what_they_are(string keyPackage, string error)
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        string key = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
        Check(
            await Post(
                "registerDevice",
                Encoding.UTF8.GetBytes($$"""{"deviceId":"d","deviceName":"d","signaturePublicKey":"{{key}}"}"""),
                caller
            ),
            200
        );
        RawAnswer answer = await Post(
            "publishKeyPackages",
            Encoding.UTF8.GetBytes($$"""{"deviceId":"d","keyPackages":[{{keyPackage}}]}"""),
            caller
        );
        Check(answer, 400, error);
    }

    [Fact]
    public async Task What_cannot_be_read_is_in_the_audit_log_with_who_sent_it()
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        AuditLog audit = host.Services.GetRequiredService<AuditLog>();
        Check(await Post("claimKeyPackages", "{}"u8.ToArray(), caller), 400);
        Check(
            await Post(
                "processExternalCommit",
                """{"convoId":"c","externalCommit":"no base64","groupInfo":"AAAA"}"""u8.ToArray(),
                caller
            ),
            400
        );
        Check(
            await RawHttp.Send(
                host.Address,
                $"GET /xrpc/{Namespace}getCommits?convoId=c&fromEpoch=-1 HTTP/1.1\n"
                    + $"Authorization: Bearer {Token("getCommits", caller)}"
            ),
            400
        );
        var entries = (await audit.LatestAsync(100, CancellationToken.None))
            .Where(entry => entry.Actor == caller.Did)
            .Select(entry => (entry.Action, entry.Outcome, entry.Reason));
        Assert.Equal(
            [
                ("getCommits", "InvalidRequest", "malformed"),
                ("processExternalCommit", "InvalidRequest", "malformed"),
                ("claimKeyPackages", "InvalidRequest", "malformed"),
            ],
            entries
        );
    }

    [Fact]
    public async Task Every_procedure_refuses_a_body_beyond_its_own_bound_before_it_is_sent()
    {
        XrpcProcedure[] procedures = [.. Methods().OfType<XrpcProcedure>()];
        Assert.True(procedures.Length > 5);
        // All at once: after each answer the server waits for some seconds whether the body comes after all.
        await Task.WhenAll(
            procedures.SelectMany(procedure =>
                (Task[])
                    [
                        CheckAsync(procedure, procedure.MostBytes, 401, "AuthenticationRequired"),
                        CheckAsync(procedure, procedure.MostBytes + 1, 413, "PayloadTooLarge"),
                    ]
            )
        );

        async Task CheckAsync(XrpcProcedure procedure, int length, int status, string error)
        {
            RawAnswer answer = await RawHttp.Send(
                host.Address,
                $"POST /xrpc/{procedure.Nsid} HTTP/1.1\nContent-Type: application/json\nContent-Length: {length}"
            );
            Assert.Equal((procedure.Nsid, status, error), (procedure.Nsid, answer.Status, answer.Error));
        }
    }

    /// <summary>Of one MLS object 10 MiB, in base64.</summary>
    [Theory]
    [InlineData("getSubscriptionTicket", 64 << 10)]
    [InlineData("sendProposal", 1536 << 10)]
    [InlineData("sendMessage", 14 << 20)]
    [InlineData("updateGroupInfo", 14 << 20)]
    [InlineData("processExternalCommit", 32 << 20)]
    public void Its_bound_is_that_of_what_it_carries(string method, int bytes) =>
        Assert.Equal(bytes, Methods().OfType<XrpcProcedure>().Single(procedure => procedure.Label == method).MostBytes);

    [Fact]
    public async Task Every_method_has_its_verb_and_takes_no_other()
    {
        foreach (XrpcMethod method in Methods().Where(static method => method is XrpcQuery or XrpcProcedure))
        {
            bool query = method is XrpcQuery;
            foreach (string verb in (string[])["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"])
            {
                RawAnswer answer = await RawHttp.Send(
                    host.Address,
                    $"{verb} /xrpc/{method.Nsid} HTTP/1.1\nAuthorization: Bearer a.b.c\n"
                        + (verb is "GET" or "HEAD" ? "" : "Content-Type: application/json\nContent-Length: 2"),
                    verb is "GET" or "HEAD" ? null : "{}"u8.ToArray()
                );
                bool right = query ? verb is "GET" or "HEAD" : verb == "POST";
                Assert.True((right ? 401 : 400) == answer.Status, $"{verb} {method.Nsid}: {answer.Status}");
            }
        }
    }

    /// <summary>As many DIDs as JSON strings with commas between them.</summary>
    private static string Accounts(int count) =>
        string.Join(',', Enumerable.Range(0, count).Select(static i => $"\"did:web:a{i}.example\""));

    private IEnumerable<XrpcMethod> Methods() => host.Services.GetRequiredService<XrpcMethods>().All;

    private static void Check(RawAnswer answer, int status, string? error = null)
    {
        Assert.True(status == answer.Status, $"{answer.Status} {answer.Body}");
        Assert.Contains("application/json", answer.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.DoesNotContain(":null", answer.Body, StringComparison.Ordinal);
        if (status == 200)
            return;
        Assert.Equal(error ?? (status == 403 ? "Unauthorized" : "InvalidRequest"), answer.Error);
        Assert.False(string.IsNullOrEmpty(answer.Message));
    }

    private static string Token(string method, TestSigner? caller = null)
    {
        using TestSigner? own = caller is null ? new TestSigner(EcdsaCurve.P256) : null;
        TestSigner signer = caller ?? own!;
        return signer.Token(signer.Claims("did:web:localhost", Namespace + method, DateTimeOffset.UtcNow));
    }

    private Task<RawAnswer> Post(string method, byte[] body, TestSigner? caller = null) =>
        RawHttp.Send(
            host.Address,
            $"POST /xrpc/{Namespace}{method} HTTP/1.1\nContent-Type: application/json\n"
                + $"Authorization: Bearer {Token(method, caller)}\nContent-Length: {body.Length}",
            body
        );
}
