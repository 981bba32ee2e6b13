using MlsConsole.Core;
using MlsConsole.Core.Activity;

namespace MlsConsole.Host.Xrpc;

/// <summary>An admitted request, as the handler of its method sees it.</summary>
internal sealed class XrpcCall(HttpContext context, Caller caller)
{
    public Caller Caller { get; } = caller;

    public CancellationToken Cancellation => context.RequestAborted;

    public HttpRequest Request => context.Request;

    /// <summary>The conversation that the request is about; for the activity record.</summary>
    public string? ConvoId { get; set; }

    /// <summary>The epoch that the request led to or was about; for the activity record.</summary>
    public ulong? Epoch { get; set; }

    /// <summary>The result of an accepted request, one of a closed list; for the activity record.</summary>
    public string? Reason { get; set; }

    /// <summary>What a client told of its rejoin; for the activity record.</summary>
    public RejoinOutcome? Rejoin { get; set; }

    /// <summary>
    /// When the body had been read, as a timestamp of the clock; null before, and for a method without a body.
    /// </summary>
    public long? BodyReadAt { get; set; }

    /// <summary>Gets a feature of Core.</summary>
    public T Feature<T>()
        where T : notnull => context.RequestServices.GetRequiredService<T>();
}
