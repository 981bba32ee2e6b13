using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients.Tests;

public sealed class ServiceConnectionTests
{
    private sealed class Service(params (HttpStatusCode Status, string Body)[] answers) : HttpMessageHandler
    {
        public List<(string? Token, string Body)> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request,
            CancellationToken cancellationToken
        )
        {
            var (status, body) = answers[Math.Min(Requests.Count, answers.Length - 1)];
            Requests.Add(
                (
                    request.Headers.Authorization?.Parameter,
                    request.Content is null ? "" : await request.Content.ReadAsStringAsync(cancellationToken)
                )
            );
            if (status == 0)
                throw new HttpRequestException("cut");
            return new(status) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        }
    }

    private static readonly ConfirmWelcomeInput s_input = new() { Id = "1", Success = true };

    private static MlsClient Client(HttpMessageHandler service)
    {
        int token = 0;
        return new(
            new()
            {
                Service = new("http://127.0.0.1:1"),
                ServiceDid = "did:web:localhost",
                Did = "did:web:alice",
                DeviceId = "phone",
                Tokens = (audience, method, _) => ValueTask.FromResult($"{audience} {method} {++token}"),
                CreateHttpClient = () => new(service),
            }
        );
    }

    [Fact]
    public async Task A_call_that_got_lost_is_made_again_with_the_same_idempotency_key_and_a_new_token()
    {
        var service = new Service(
            (0, ""),
            (HttpStatusCode.ServiceUnavailable, ""),
            (HttpStatusCode.OK, """{"confirmed":true}""")
        );
        await using var client = Client(service);
        Assert.True((await client.Call(Lexicons.ConfirmWelcome, s_input)).Confirmed);
        Assert.Equal(
            Enumerable.Range(1, 3).Select(i => $"did:web:localhost blue.catbird.mls.confirmWelcome {i}"),
            service.Requests.Select(request => request.Token)
        );
        Assert.NotNull((string?)JsonNode.Parse(service.Requests[0].Body)!["idempotencyKey"]);
        Assert.Single(service.Requests.Select(request => request.Body).Distinct());
    }

    [Fact]
    public async Task The_callers_idempotency_key_is_kept()
    {
        var service = new Service((HttpStatusCode.OK, """{"confirmed":true}"""));
        await using var client = Client(service);
        await client.Call(Lexicons.ConfirmWelcome, s_input with { IdempotencyKey = "mine" });
        Assert.Equal("mine", (string?)JsonNode.Parse(service.Requests[0].Body)!["idempotencyKey"]);
    }

    [Theory]
    [InlineData(409, """{"error":"EpochMismatch","message":"m","currentEpoch":7,"reason":"stale"}""", "EpochMismatch")]
    [InlineData(429, """{"error":"TurnPending","message":"m","retryAfterMs":1500}""", "TurnPending")]
    [InlineData(400, """{"error":"InvalidCommit","message":"m","rule":"commit.path-missing"}""", "InvalidCommit")]
    [InlineData(501, """{"error":"MethodNotImplemented","message":"m"}""", "MethodNotImplemented")]
    [InlineData(403, "<html>", "Http403")]
    [InlineData(200, "{}", ClientErrors.InvalidAnswer)]
    public async Task A_refusal_is_one_typed_error_and_is_not_repeated(int status, string body, string error)
    {
        var service = new Service(((HttpStatusCode)status, body));
        await using var client = Client(service);
        var refused = await Assert.ThrowsAsync<MlsClientException>(() => client.Call(Lexicons.ConfirmWelcome, s_input));
        Assert.Equal(
            (error, "blue.catbird.mls.confirmWelcome", 1),
            (refused.Error, refused.Method, service.Requests.Count)
        );
        Assert.Equal(error == "EpochMismatch" ? 7UL : null, refused.CurrentEpoch);
        Assert.Equal(error == "TurnPending" ? TimeSpan.FromMilliseconds(1500) : null, refused.RetryAfter);
        Assert.Equal(error == "InvalidCommit" ? "commit.path-missing" : null, refused.Rule);
    }

    [Fact]
    public async Task A_cancelled_call_is_cancelled_and_not_unreachable()
    {
        await using var client = Client(new Service((0, "")));
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            client.Call(Lexicons.ConfirmWelcome, s_input, cancelled.Token)
        );
    }

    [Fact]
    public async Task AddMlsClient_takes_the_HTTP_client_of_the_container()
    {
        var service = new Service((HttpStatusCode.OK, """{"confirmed":true}"""));
        var services = new ServiceCollection();
        services
            .AddMlsClient(_ =>
                new()
                {
                    Service = new("http://127.0.0.1:1"),
                    ServiceDid = "did:web:localhost",
                    Did = "did:web:alice",
                    DeviceId = "phone",
                    Tokens = (_, _, _) => ValueTask.FromResult("token"),
                }
            )
            .ConfigurePrimaryHttpMessageHandler(() => service);
        await using var provider = services.BuildServiceProvider();
        Assert.True((await provider.GetRequiredService<MlsClient>().Call(Lexicons.ConfirmWelcome, s_input)).Confirmed);
        Assert.Single(service.Requests);
    }
}
