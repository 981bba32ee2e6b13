using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>What a bad network does to one call of a method.</summary>
internal enum Mishap
{
    None,

    /// <summary>The request does not arrive at the service.</summary>
    DropRequest,

    /// <summary>The service carries the request out, and its answer does not arrive.</summary>
    DropAnswer,

    /// <summary>The request arrives late at the service.</summary>
    DelayRequest,

    /// <summary>The answer arrives late, after the answers to later requests.</summary>
    DelayAnswer,

    /// <summary>
    /// The request arrives twice at the service, the second time with a new token, as if the client had tried again.
    /// The client gets the second answer.
    /// </summary>
    Duplicate,

    /// <summary>The answer is held back until another answer to the same device has arrived.</summary>
    Reorder,
}

/// <summary>Says whether the networks of all devices are bad at this moment.</summary>
internal sealed class Weather
{
    public bool IsBad { get; set; }
}

/// <summary>
/// A network from one device to the service that is bad now and then. What happens to the device's calls depends on the
/// seed alone.
/// </summary>
internal sealed class BadNetwork(
    HttpMessageHandler inner,
    Weather weather,
    Random random,
    ServiceTokenSource tokens,
    string serviceDid,
    Action<Mishap> happened
) : DelegatingHandler(inner)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(1);
    private TaskCompletionSource _passed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Draws what happens to the next call, and for how long it is delayed. About a quarter of the calls meet with a
    /// mishap.
    /// </summary>
    public static (Mishap Mishap, TimeSpan Delay) Next(Random random)
    {
        int at = random.Next(100);
        var mishap = at switch
        {
            < 4 => Mishap.DropRequest,
            < 8 => Mishap.DropAnswer,
            < 13 => Mishap.DelayRequest,
            < 18 => Mishap.DelayAnswer,
            < 22 => Mishap.Duplicate,
            < 26 => Mishap.Reorder,
            _ => Mishap.None,
        };
        return (mishap, random.NextDouble() * s_longest);
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request,
        CancellationToken cancellationToken
    )
    {
        string method = request.RequestUri!.AbsolutePath.Split('/')[^1];
        // The WebSocket of events is left alone: it breaks when the host is killed.
        if (!weather.IsBad || method.EndsWith(".subscribeConvoEvents", StringComparison.Ordinal))
            return await base.SendAsync(request, cancellationToken);
        Mishap mishap;
        TimeSpan delay;
        lock (random)
            (mishap, delay) = Next(random);
        if (mishap != Mishap.None)
            happened(mishap);
        if (mishap == Mishap.DropRequest)
            throw new HttpRequestException("The request was dropped.");
        if (mishap == Mishap.DelayRequest)
            await Task.Delay(delay, cancellationToken);
        using var again = mishap == Mishap.Duplicate ? await Copy(request, method, cancellationToken) : null;
        var answer = await base.SendAsync(request, cancellationToken);
        switch (mishap)
        {
            case Mishap.DropAnswer:
                answer.Dispose();
                throw new HttpRequestException("The answer was dropped.");
            case Mishap.DelayAnswer:
                await Task.Delay(delay, cancellationToken);
                break;
            case Mishap.Duplicate:
                answer.Dispose();
                return await base.SendAsync(again!, cancellationToken);
            case Mishap.Reorder:
                await Task.WhenAny(Volatile.Read(ref _passed).Task, Task.Delay(delay, cancellationToken));
                return answer;
        }
        Interlocked.Exchange(ref _passed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return answer;
    }

    private async Task<HttpRequestMessage> Copy(
        HttpRequestMessage request,
        string method,
        CancellationToken cancellation
    )
    {
        var copy = new HttpRequestMessage(request.Method, request.RequestUri);
        copy.Headers.Authorization = new("Bearer", await tokens(serviceDid, method, cancellation));
        if (request.Content is { } content)
        {
            copy.Content = new ByteArrayContent(await content.ReadAsByteArrayAsync(cancellation));
            copy.Content.Headers.ContentType = content.Headers.ContentType;
        }
        return copy;
    }
}
