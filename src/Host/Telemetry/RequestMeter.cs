using System.Diagnostics.Metrics;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Telemetry;

/// <summary>Every request by what became of it. It counts what the activity feed says.</summary>
internal sealed class RequestMeter : IDisposable
{
    public const string Name = "MlsConsole.Requests";

    /// <summary>The reason of what needs none.</summary>
    private const string NoReason = "none";

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _requests;
    private readonly IDisposable _subscription;

    public RequestMeter(ActivityFeed feed, XrpcMethods methods)
    {
        _requests = _meter.CreateCounter<long>(
            "xrpc_requests",
            description: "Requests by method, outcome (accepted, or the name of the error) and reason (the broken rule, or why not)."
        );
        // A series exists from the start, so that the first event is an increase.
        foreach (XrpcMethod method in methods.All)
            Add(0, method.Label, RequestOutcomes.Accepted, NoReason);
        _subscription = feed.Subscribe(activity =>
        {
            if (activity.IsRequest)
                Add(1, activity.Method, activity.Outcome, activity.Reason ?? NoReason);
        });
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _meter.Dispose();
    }

    /// <remarks>All three are of closed lists.</remarks>
    private void Add(long requests, string method, string outcome, string reason) =>
        _requests.Add(
            requests,
            new KeyValuePair<string, object?>("method", method),
            new KeyValuePair<string, object?>("outcome", outcome),
            new KeyValuePair<string, object?>("reason", reason)
        );
}
