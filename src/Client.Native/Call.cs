namespace MlsConsole.Clients.Native;

/// <summary>The boundary: nothing escapes an exported function but a status, and the calling thread waits here and nowhere else.</summary>
internal static class Call
{
    [ThreadStatic]
    private static bool t_insideCallback;

    /// <summary>Runs a function that concerns no client that is open already.</summary>
    public static int Run(Action action)
    {
        Failure.Last = null;
        try
        {
            if (t_insideCallback)
                throw new InvalidArgumentException("A callback must not call the library.");
            action();
            return (int)Status.Ok;
        }
        catch (Exception exception)
        {
            return Fail(Failure.Of(exception, closing: false));
        }
    }

    /// <summary>Runs a function of a client and waits for its end.</summary>
    /// <param name="handle">The client.</param>
    /// <param name="start">Reads the arguments and begins.</param>
    /// <param name="finish">Hands out the result.</param>
    public static int Run<T>(nint handle, Func<OpenClient, CancellationToken, Task<T>> start, Action<T> finish)
    {
        OpenClient? client = null;
        int status = Run(() => client = OpenClient.Enter(handle));
        if (client is null)
            return status;
        try
        {
            finish(start(client, client.Closing).GetAwaiter().GetResult());
            return (int)Status.Ok;
        }
        catch (Exception exception)
        {
            return Fail(Failure.Of(exception, client.Closing.IsCancellationRequested));
        }
        finally
        {
            client.Leave();
        }
    }

    /// <summary>Runs a function of a client that has no result.</summary>
    public static int Run(nint handle, Func<OpenClient, CancellationToken, Task> start) =>
        Run(
            handle,
            async (client, token) =>
            {
                await start(client, token).ConfigureAwait(false);
                return true;
            },
            static _ => { }
        );

    /// <summary>Marks the time in which a function of the caller's runs: it must not call the library.</summary>
    public static Inside InsideCallback()
    {
        bool before = t_insideCallback;
        t_insideCallback = true;
        return new(before);
    }

    /// <summary>Ends with the callback.</summary>
    public readonly ref struct Inside
    {
        private readonly bool _before;

        internal Inside(bool before) => _before = before;

        /// <summary>The library may be called again.</summary>
        public void Dispose() => t_insideCallback = _before;
    }

    /// <summary>Remembers a failure for <c>mls_last_error</c>.</summary>
    public static int Fail(Failure failure)
    {
        Failure.Last = failure;
        return (int)failure.Status;
    }
}
