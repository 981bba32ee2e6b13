namespace MlsConsole.Clients.Native;

/// <summary>
/// The boundary to the caller: no exception escapes an exported function, only a status, and the calling thread waits
/// in this class and nowhere else.
/// </summary>
internal static class Call
{
    [ThreadStatic]
    private static bool t_insideCallback;

    /// <summary>Runs an exported function that needs no open client.</summary>
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

    /// <summary>Runs an exported function of a client and waits for its end.</summary>
    /// <param name="handle">The client.</param>
    /// <param name="start">Reads the arguments and begins the work.</param>
    /// <param name="finish">Hands the result out to the caller.</param>
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

    /// <summary>Runs an exported function of a client that has no result.</summary>
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

    /// <summary>
    /// Marks this thread as running a callback, until the result is disposed. A callback must not call the library.
    /// </summary>
    public static Inside InsideCallback()
    {
        bool before = t_insideCallback;
        t_insideCallback = true;
        return new(before);
    }

    /// <summary>The mark on the thread; its disposal removes the mark.</summary>
    public readonly ref struct Inside
    {
        private readonly bool _before;

        internal Inside(bool before) => _before = before;

        /// <summary>Removes the mark: this thread may call the library again.</summary>
        public void Dispose() => t_insideCallback = _before;
    }

    /// <summary>Remembers a failure for <c>mls_last_error</c>.</summary>
    public static int Fail(Failure failure)
    {
        Failure.Last = failure;
        return (int)failure.Status;
    }
}
