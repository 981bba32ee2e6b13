using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>What a bad network does to one call.</summary>
internal enum Mishap
{
    None,

    /// <summary>The request does not arrive.</summary>
    DropRequest,

    /// <summary>What was asked for happens, and the answer gets lost.</summary>
    DropAnswer,

    /// <summary>The request arrives late.</summary>
    DelayRequest,

    /// <summary>The answer arrives late, after answers to what was asked later.</summary>
    DelayAnswer,

    /// <summary>The request arrives twice, the second time under a new token as from a client that tries again; the second answer is the one that is seen.</summary>
    Duplicate,

    /// <summary>The answer is held back until another one to this device has passed.</summary>
    Reorder,
}

/// <summary>Whether networks are bad now.</summary>
internal sealed class Weather
{
    public bool IsBad { get; set; }
}

/// <summary>A bad way from one device to the service; what happens to which of its calls is the same for a seed.</summary>
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

    /// <summary>Every fourth call or so does not go as it should.</summary>
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
        // The stream of events is broken by the host's end.
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
