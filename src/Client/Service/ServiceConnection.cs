using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Http.Resilience;
using MlsConsole.Lexicon;
using Polly;

namespace MlsConsole.Clients;

/// <summary>
/// Calls the service's methods. A call that may have got lost is made again, with the same idempotency key and each
/// time with a new token.
/// </summary>
internal sealed class ServiceConnection : IDisposable
{
    private readonly MlsClientOptions _options;
    private readonly HttpClient _http;
    private readonly ResiliencePipeline<HttpResponseMessage> _retries;

    public ServiceConnection(MlsClientOptions options)
    {
        _options = options;
        _http = options.CreateHttpClient?.Invoke() ?? new HttpClient();
        _retries = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = options.Clock }
            .AddRetry(
                new HttpRetryStrategyOptions
                {
                    MaxRetryAttempts = 4,
                    Delay = TimeSpan.FromMilliseconds(200),
                    UseJitter = true,
                    BackoffType = DelayBackoffType.Exponential,
                    // Waits that the service asks for are left to the caller, who knows what the wait is for.
                    ShouldRetryAfterHeader = false,
                    ShouldHandle = outcome =>
                        ValueTask.FromResult(
                            outcome.Outcome.Exception is HttpRequestException
                                || (
                                    outcome.Outcome.Exception is TaskCanceledException
                                    && !outcome.Context.CancellationToken.IsCancellationRequested
                                )
                                || outcome.Outcome.Result
                                    is {
                                        StatusCode: HttpStatusCode.RequestTimeout
                                            or HttpStatusCode.InternalServerError
                                            or HttpStatusCode.BadGateway
                                            or HttpStatusCode.ServiceUnavailable
                                            or HttpStatusCode.GatewayTimeout
                                    }
                        ),
                }
            )
            .Build();
    }

    public HttpClient Http => _http;

    public Task<TOutput> CallAsync<TInput, TOutput>(
        Procedure<TInput, TOutput> method,
        TInput input,
        CancellationToken cancellation
    )
    {
        var body = method.WriteInput(method.WithIdempotencyKey(input, Guid.NewGuid().ToString("N")));
        return SendAsync(
            method,
            () =>
            {
                var content = new ByteArrayContent(body);
                content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                return new(HttpMethod.Post, Address(method.Nsid, "")) { Content = content };
            },
            method.ReadOutput,
            cancellation
        );
    }

    public Task<TOutput> CallAsync<TParameters, TOutput>(
        Query<TParameters, TOutput> method,
        TParameters parameters,
        CancellationToken cancellation
    )
    {
        string query = string.Join(
            '&',
            method.WriteParameters(parameters).Select(static one => $"{one.Key}={Uri.EscapeDataString(one.Value)}")
        );
        return SendAsync(
            method,
            () => new(HttpMethod.Get, Address(method.Nsid, query.Length == 0 ? "" : $"?{query}")),
            method.ReadOutput,
            cancellation
        );
    }

    private Uri Address(string nsid, string query) => new(_options.Service, $"/xrpc/{nsid}{query}");

    private delegate TOutput ReadOutput<out TOutput>(ReadOnlySpan<byte> json);

    private async Task<TOutput> SendAsync<TOutput>(
        Method method,
        Func<HttpRequestMessage> request,
        ReadOutput<TOutput> read,
        CancellationToken cancellation
    )
    {
        try
        {
            using var response = await _retries
                .ExecuteAsync(
                    async token =>
                    {
                        using var message = request();
                        message.Headers.Authorization = new(
                            "Bearer",
                            await _options.Tokens(_options.ServiceDid, method.Nsid, token).ConfigureAwait(false)
                        );
                        return await _http.SendAsync(message, token).ConfigureAwait(false);
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? read(body) : throw Refusal(method, response, body);
        }
        catch (LexiconException broken)
        {
            throw new MlsClientException(
                ClientErrors.InvalidAnswer,
                $"{method.Nsid} answered what its lexicon does not have: {broken.Message}",
                broken
            )
            {
                Method = method.Nsid,
            };
        }
        catch (Exception exception)
            when (exception is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new MlsClientException(
                ClientErrors.Unreachable,
                $"{method.Nsid} got no answer: {exception.Message}",
                exception
            )
            {
                Method = method.Nsid,
            };
        }
    }

    private MlsClientException Refusal(Method method, HttpResponseMessage response, byte[] body)
    {
        string? error = null,
            message = null,
            rule = null,
            reason = null;
        ulong? epoch = null;
        long? wait = null;
        try
        {
            using var json = JsonDocument.Parse(body);
            (error, message, rule, reason) = (
                Text(json, "error"),
                Text(json, "message"),
                Text(json, "rule"),
                Text(json, "reason")
            );
            (epoch, wait) = ((ulong?)Number(json, "currentEpoch"), Number(json, "retryAfterMs"));
        }
        catch (JsonException)
        {
            // The answer is not the service's but a proxy's page, of which the status says enough.
        }
        return new(
            error ?? $"Http{(int)response.StatusCode}",
            $"{method.Nsid}: {error ?? response.ReasonPhrase}: {message}"
        )
        {
            Method = method.Nsid,
            Status = (int)response.StatusCode,
            Rule = rule,
            CurrentEpoch = epoch,
            Reason = reason,
            RetryAfter = wait is { } ms
                ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, 86_400_000))
                : RetryAfter(response.Headers.RetryAfter),
        };
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header) =>
        header?.Delta ?? (header?.Date - _options.Clock.GetUtcNow());

    private static string? Text(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object
        && json.RootElement.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static long? Number(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object
        && json.RootElement.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.Number
        && value.TryGetInt64(out long number)
        && number >= 0
            ? number
            : null;

    /// <summary>Writes an epoch or a sequence number as query parameters have it: as a decimal string.</summary>
    public static string Decimal(ulong number) => number.ToString(CultureInfo.InvariantCulture);

    public void Dispose() => _http.Dispose();
}
