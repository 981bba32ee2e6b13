using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Identity;
using MlsConsole.Host.Identity;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Xrpc;

/// <summary>
/// Answers everything under <c>/xrpc</c>. A request passes these steps: the limit of its address, the known method,
/// verb and headers of the content, the token, the limit of the account, the token's single use, the decoding of body
/// or parameters, Core. Whatever a step throws becomes the one <see cref="XrpcFailure"/>, and every request but a
/// preflight publishes one <see cref="RequestAnswered"/>.
/// </summary>
/// <remarks>
/// The endpoint is a middleware and not a route, so that nothing in between (redirects, error pages, antiforgery) can
/// answer in its place.
/// </remarks>
internal sealed partial class XrpcEndpoint(
    RequestDelegate next,
    XrpcMethods methods,
    ServiceAuthentication authentication,
    RateLimits limits,
    SubscriptionSlots slots,
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
        Exchange exchange = new(clock.GetTimestamp(), Guid.CreateVersion7().ToString("N"));
        WriteHeaders(context.Response, exchange);
        XrpcFailure? failure = null;
        ReadOnlyMemory<byte> body;
        try
        {
            body = await RunAsync(context, exchange);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller has left, so nothing is written; the request is counted all the same.
            Publish(exchange, RequestOutcomes.RequestAborted, reason: null);
            return;
        }
        catch (Exception exception)
        {
            failure = await FailureAsync(context, exchange, exception);
            body = failure.WriteBody();
        }
        // The request is counted before its answer is written, so that a caller who has the answer finds it in the
        // metrics.
        Publish(exchange, failure?.Error ?? RequestOutcomes.Accepted, failure?.Reason, failure?.CurrentEpoch);
        exchange.Limit?.WriteHeaders(context.Response.Headers);
        await WriteAsync(context, failure, body);
    }

    private async Task<XrpcFailure> FailureAsync(HttpContext context, Exchange exchange, Exception exception)
    {
        XrpcFailure failure = XrpcFailure.From(exception);
        try
        {
            // A request without a token, or with a token that is refused, counts for its address. A request with a good
            // token never does: a proxying server sends the requests of many accounts from one address.
            if (
                exchange.Call is null
                && (exception is AuthenticationException || context.Request.Headers.Authorization.Count == 0)
            )
                exchange.Limit = await limits.TakeAsync(context.Connection.RemoteIpAddress);
            // Core writes the refusals that it decides on into the audit log itself. This entry is for what an account
            // tried and Core never saw. Faults are in the log of the process, and counted in the audit log.
            if (exchange.Call is { } call && exception is not RefusedException && !failure.IsFault)
                await audit.AppendAsync(
                    new()
                    {
                        At = clock.GetUtcNow(),
                        Actor = call.Caller.Did.Value,
                        Action = exchange.Method!.Label,
                        Outcome = failure.Error,
                        Reason = failure.Reason,
                        CorrelationId = exchange.CorrelationId,
                    },
                    CancellationToken.None
                );
        }
        catch (Exception fault)
        {
            (exception, failure) = (fault, XrpcFailure.From(fault));
        }
        if (failure.IsFault)
            LogFault(exception, exchange.Method?.Nsid, exchange.CorrelationId);
        return failure;
    }

    private async Task SubscribeAsync(HttpContext context, XrpcSubscription subscription)
    {
        Exchange exchange = new(clock.GetTimestamp(), Guid.CreateVersion7().ToString("N")) { Method = subscription };
        using IDisposable? slot = slots.TryEnter(context.Connection.RemoteIpAddress);
        if (slot is null)
        {
            await RefuseAsync(context, exchange, XrpcException.TooManySubscriptions("address"));
            return;
        }
        // A subscription is counted when it is open or refused, so that its elapsed time is the time of the opening.
        try
        {
            await subscription.ServeAsync(context, Answered);
        }
        catch (XrpcException full)
        {
            await RefuseAsync(context, exchange, full);
        }

        void Answered(Exception? refused)
        {
            XrpcFailure? failure = refused is null or StreamRefusal ? null : XrpcFailure.From(refused);
            if (failure is { IsFault: true })
                LogFault(refused!, subscription.Nsid, exchange.CorrelationId);
            string outcome = failure?.Error ?? (refused as StreamRefusal)?.Error ?? RequestOutcomes.Accepted;
            Publish(exchange, outcome, failure?.Reason);
        }
    }

    /// <summary>
    /// Refuses a subscription with a status, where the host or the address has no room for a WebSocket. It is right
    /// that the official client then tries again, because another subscription may end.
    /// </summary>
    private Task RefuseAsync(HttpContext context, Exchange exchange, XrpcException full)
    {
        XrpcFailure failure = XrpcFailure.From(full);
        // The attempt to open a WebSocket leaves headers of its own.
        context.Response.Clear();
        WriteHeaders(context.Response, exchange);
        Publish(exchange, failure.Error, failure.Reason);
        return WriteAsync(context, failure, failure.WriteBody());
    }

    private async Task<ReadOnlyMemory<byte>> RunAsync(HttpContext context, Exchange exchange)
    {
        HttpRequest request = context.Request;
        exchange.Limit = limits.Of(context.Connection.RemoteIpAddress);
        exchange.Limit?.Check("address", clock.GetUtcNow());
        string nsid = XrpcPath.NsidOf(RawTarget(context)) ?? throw XrpcException.InvalidRequest("Invalid XRPC path.");
        XrpcMethod method = methods.Find(nsid) ?? throw XrpcException.MethodNotImplemented();
        exchange.Method = method;
        method.CheckContent(request);
        ServiceToken token = await authentication.AuthenticateAsync(request, method.Nsid);
        exchange.Call = new XrpcCall(context, await AdmitAsync(context, token, method, exchange));
        return await method.InvokeAsync(exchange.Call);
    }

    /// <summary>
    /// Counts the request for its account and uses its token up. A request over the limit leaves its token usable. A
    /// request whose token was used before may come from somebody else, so it does not count for the account.
    /// </summary>
    private async Task<Caller> AdmitAsync(HttpContext context, ServiceToken token, XrpcMethod method, Exchange exchange)
    {
        var taken = await limits.TakeAsync(token.Issuer, method);
        exchange.Limit = taken?.Limit;
        exchange.Limit?.Check("account", clock.GetUtcNow());
        try
        {
            return await ServiceAuthentication.AdmitAsync(
                token,
                context.RequestServices.GetRequiredService<TokenReplay>(),
                exchange.CorrelationId
            );
        }
        catch (AuthenticationException)
        {
            taken?.Refund();
            throw;
        }
    }

    private static void WriteHeaders(HttpResponse response, Exchange exchange)
    {
        XrpcCors.Allow(response);
        response.Headers["Correlation-Id"] = exchange.CorrelationId;
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

    private void Publish(Exchange exchange, string outcome, string? reason, ulong? currentEpoch = null)
    {
        // Before a caller is authorised, the id of the conversation is only the caller's text.
        bool known = outcome is not (nameof(Refusal.Unauthorized) or XrpcErrors.InvalidRequest);
        feed.Publish(
            new RequestAnswered
            {
                At = clock.GetUtcNow(),
                Method = exchange.Method?.Label ?? XrpcMethod.UnknownLabel,
                Outcome = outcome,
                Reason = reason ?? exchange.Call?.Reason,
                Rejoin = exchange.Call?.Rejoin,
                Elapsed = clock.GetElapsedTime(exchange.StartedAt),
                ElapsedSinceBody = exchange.Call?.BodyReadAt is { } readAt ? clock.GetElapsedTime(readAt) : null,
                ConvoId = known ? exchange.Call?.ConvoId : null,
                Epoch = currentEpoch ?? exchange.Call?.Epoch,
                CorrelationId = exchange.CorrelationId,
                Cohort = exchange.Call?.Caller.Progress.Cohort ?? Cohort.NotEvaluated,
                Admitted = exchange.Call?.Caller.Progress.Admitted ?? false,
                Account = exchange.Call?.Caller.Did,
            }
        );
    }

    /// <summary>The request target as it was sent, because an escaped letter in an NSID makes another path.</summary>
    private static string RawTarget(HttpContext context)
    {
        string? raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()?.RawTarget;
        return raw is ['/', ..] ? raw : context.Request.Path.Value ?? "";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Nsid} failed, correlation id {CorrelationId}")]
    private partial void LogFault(Exception exception, string? nsid, string correlationId);

    /// <summary>One request on its way to its answer, and what is known of it so far.</summary>
    private sealed class Exchange(long startedAt, string correlationId)
    {
        public long StartedAt { get; } = startedAt;

        public string CorrelationId { get; } = correlationId;

        public XrpcMethod? Method { get; set; }

        public XrpcCall? Call { get; set; }

        /// <summary>The limit that the request counts for.</summary>
        public RateLimit? Limit { get; set; }
    }
}
