using System.Diagnostics.Metrics;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Telemetry;

/// <summary>Counts the requests that the activity feed tells of, by method, outcome and reason.</summary>
internal sealed class RequestMeter : IDisposable
{
    public const string Name = "MlsConsole.Requests";

    /// <summary>The label of a request whose outcome has no reason.</summary>
    private const string NoReason = "none";

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _requests;
    private readonly IDisposable _subscription;

    public RequestMeter(ActivityFeed feed, XrpcMethods methods)
    {
        _requests = _meter.CreateCounter<long>(
            "xrpc_requests",
            description: "Requests by method, outcome (accepted, or the name of the error) and reason "
                + "(the broken rule, or why not)."
        );
        // The series exist from the start, so that the first request is an increase.
        foreach (XrpcMethod method in methods.All)
            Add(0, method.Label, RequestOutcomes.Accepted, NoReason);
        _subscription = feed.Subscribe(activity =>
        {
            if (activity is RequestAnswered request)
                Add(1, request.Method, request.Outcome, request.Reason ?? NoReason);
        });
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
    }

    /// <remarks>Method, outcome and reason are values of closed lists, so the number of series is bounded.</remarks>
    private void Add(long requests, string method, string outcome, string reason) =>
        _requests.Add(
            requests,
            new KeyValuePair<string, object?>("method", method),
            new KeyValuePair<string, object?>("outcome", outcome),
            new KeyValuePair<string, object?>("reason", reason)
        );
}
