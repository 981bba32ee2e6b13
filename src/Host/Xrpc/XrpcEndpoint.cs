using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Identity;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// Everything under <c>/xrpc</c>. One request goes: limit of its address, known method, verb and headers of the content, token,
/// limit of its account, token used up, body or parameters decoded, Core. Whatever is thrown on that way ends in the one
/// <see cref="XrpcFailure"/>, and every request but a preflight publishes one <see cref="ActivityRecord"/>.
/// </summary>
/// <remarks>A middleware and not a route, so that nothing between (redirects, error pages, antiforgery) can answer in its place.</remarks>
internal sealed partial class XrpcEndpoint(
    RequestDelegate next,
    XrpcMethods methods,
    ServiceAuthentication authentication,
    RateLimits limits,
    AuditLog audit,
    ActivityFeed feed,
    TimeProvider clock,
    ILogger<XrpcEndpoint> log
)
{
    public async Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.Path.StartsWithSegments("/xrpc", StringComparison.Ordinal))
            await next(context);
        else if (HttpMethods.IsOptions(context.Request.Method))
            XrpcCors.AnswerPreflight(context);
        else if (
            context.WebSockets.IsWebSocketRequest
            && XrpcPath.NsidOf(RawTarget(context)) is { } nsid
            && methods.Find(nsid) is XrpcSubscription subscription
        )
            await SubscribeAsync(context, subscription);
        else
            await AnswerAsync(context);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Attempt attempt = new(clock.GetTimestamp(), Guid.CreateVersion7().ToString("N"));
        XrpcCors.Allow(context.Response);
        context.Response.Headers["Correlation-Id"] = attempt.CorrelationId;
        XrpcFailure? failure = null;
        ReadOnlyMemory<byte> body;
        try
        {
            body = await RunAsync(context, attempt);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read an answer; that the request ended is still counted.
            Publish(attempt, "RequestAborted", reason: null);
            return;
        }
        catch (Exception exception)
        {
            failure = await FailureAsync(context, attempt, exception);
            body = failure.WriteBody();
        }
        // Counted before it is written: whoever has the answer finds it in the figures.
        Publish(attempt, failure?.Error ?? "accepted", failure?.Reason, failure?.CurrentEpoch);
        attempt.Limit?.WriteHeaders(context.Response.Headers);
        await WriteAsync(context, failure, body);
    }

    private async Task<XrpcFailure> FailureAsync(HttpContext context, Attempt attempt, Exception exception)
    {
        XrpcFailure failure = XrpcFailure.From(exception);
        try
        {
            // A request that names nobody, or somebody in vain. What a proxying server sends for its accounts is never counted as its own.
            if (
                attempt.Call is null
                && (exception is AuthenticationException || context.Request.Headers.Authorization.Count == 0)
            )
                attempt.Limit = await limits.TakeAsync(context.Connection.RemoteIpAddress);
            // What an account tried and Core never saw; Core's own refusals are in the audit log, faults in the other.
            if (attempt.Call is { } call && exception is not RefusedException && !failure.IsFault)
                await audit.AppendAsync(
                    new()
                    {
                        At = clock.GetUtcNow(),
                        Actor = call.Caller.Did.Value,
                        Action = attempt.Method!.Label,
                        Outcome = failure.Error,
                        Reason = failure.Reason,
                        CorrelationId = attempt.CorrelationId,
                    },
                    CancellationToken.None
                );
        }
        catch (Exception fault)
        {
            (exception, failure) = (fault, XrpcFailure.From(fault));
        }
        if (failure.IsFault)
            LogFault(exception, attempt.Method?.Nsid, attempt.CorrelationId);
        return failure;
    }

    private Task SubscribeAsync(HttpContext context, XrpcSubscription subscription)
    {
        Attempt attempt = new(clock.GetTimestamp(), Guid.CreateVersion7().ToString("N")) { Method = subscription };
        // Counted when it is open or refused: how long it stays open says nothing of how fast it was opened.
        return subscription.ServeAsync(
            context,
            refused =>
            {
                XrpcFailure? failure = refused is null or StreamRefusal ? null : XrpcFailure.From(refused);
                if (failure is { IsFault: true })
                    LogFault(refused!, subscription.Nsid, attempt.CorrelationId);
                Publish(attempt, failure?.Error ?? (refused as StreamRefusal)?.Error ?? "accepted", failure?.Reason);
            }
        );
    }

    private async Task<ReadOnlyMemory<byte>> RunAsync(HttpContext context, Attempt attempt)
    {
        HttpRequest request = context.Request;
        attempt.Limit = limits.Of(context.Connection.RemoteIpAddress);
        attempt.Limit?.Check("address", clock.GetUtcNow());
        string nsid = XrpcPath.NsidOf(RawTarget(context)) ?? throw XrpcException.InvalidRequest("Invalid XRPC path.");
        XrpcMethod method = methods.Find(nsid) ?? throw XrpcException.MethodNotImplemented();
        attempt.Method = method;
        method.CheckContent(request);
        ServiceToken token = await authentication.AuthenticateAsync(request, method.Nsid);
        attempt.Call = new XrpcCall(context, await AdmitAsync(context, token, method, attempt));
        return await method.InvokeAsync(attempt.Call);
    }

    /// <summary>A request over the limit leaves its token usable; one whose token was used before is not its owner's, and not counted as such.</summary>
    private async Task<Caller> AdmitAsync(HttpContext context, ServiceToken token, XrpcMethod method, Attempt attempt)
    {
        var taken = await limits.TakeAsync(token.Issuer, method);
        attempt.Limit = taken?.Limit;
        attempt.Limit?.Check("account", clock.GetUtcNow());
        try
        {
            return await ServiceAuthentication.AdmitAsync(
                token,
                context.RequestServices.GetRequiredService<TokenReplay>(),
                attempt.CorrelationId
            );
        }
        catch (AuthenticationException)
        {
            taken?.Refund();
            throw;
        }
    }

    private static async Task WriteAsync(HttpContext context, XrpcFailure? failure, ReadOnlyMemory<byte> body)
    {
        HttpResponse response = context.Response;
        response.StatusCode = failure?.Status ?? StatusCodes.Status200OK;
        failure?.WriteHeaders(response.Headers);
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    private void Publish(Attempt attempt, string outcome, string? reason, ulong? currentEpoch = null)
    {
        // What an unauthorised caller calls a conversation is the caller's text, not ours.
        bool known = outcome is not ("Unauthorized" or "InvalidRequest");
        feed.Publish(
            new ActivityRecord
            {
                At = clock.GetUtcNow(),
                Method = attempt.Method?.Label ?? "unknown",
                Outcome = outcome,
                Reason = reason ?? attempt.Call?.Reason,
                Rejoin = attempt.Call?.Rejoin,
                Elapsed = clock.GetElapsedTime(attempt.StartedAt),
                ConvoId = known ? attempt.Call?.ConvoId : null,
                Epoch = currentEpoch ?? attempt.Call?.Epoch,
                CorrelationId = attempt.CorrelationId,
            }
        );
    }

    /// <summary>The target as it was sent: an escaped letter in an NSID makes another path, not the same one.</summary>
    private static string RawTarget(HttpContext context)
    {
        string? raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()?.RawTarget;
        return raw is ['/', ..] ? raw : context.Request.Path.Value ?? "";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Nsid} failed, correlation id {CorrelationId}")]
    private partial void LogFault(Exception exception, string? nsid, string correlationId);

    private sealed class Attempt(long startedAt, string correlationId)
    {
        public long StartedAt { get; } = startedAt;

        public string CorrelationId { get; } = correlationId;

        public XrpcMethod? Method { get; set; }

        public XrpcCall? Call { get; set; }

        /// <summary>The limit that the request counts for.</summary>
        public RateLimit? Limit { get; set; }
    }
}
