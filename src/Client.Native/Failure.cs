namespace MlsConsole.Clients.Native;

/// <summary>Why a call did not succeed: <c>mls_error</c> of mls_client.h.</summary>
internal sealed record Failure(Status Status, string Id, string Message)
{
    [ThreadStatic]
    private static Failure? t_last;

    /// <summary>The failure of this thread's last call; null where that call succeeded.</summary>
    public static Failure? Last
    {
        get => t_last;
        set => t_last = value;
    }

    public string? Method { get; init; }
    public string? Rule { get; init; }
    public int HttpStatus { get; init; }
    public TimeSpan? RetryAfter { get; init; }
    public ulong? CurrentEpoch { get; init; }

    /// <summary>The failure that an exception is to the caller.</summary>
    /// <param name="exception">What ended the call.</param>
    /// <param name="closing">Whether the client was being closed.</param>
    public static Failure Of(Exception exception, bool closing) =>
        exception switch
        {
            _ when closing && exception is OperationCanceledException or ObjectDisposedException => new(
                Status.Cancelled,
                "Cancelled",
                "The client was closed meanwhile."
            ),
            MlsClientException it => new(Status.Failed, it.Error, it.Message)
            {
                Method = it.Method,
                Rule = it.Rule,
                HttpStatus = it.Status,
                RetryAfter = it.RetryAfter,
                CurrentEpoch = it.CurrentEpoch,
            },
            InvalidArgumentException => new(Status.InvalidArgument, "InvalidArgument", exception.Message),
            InvalidHandleException => new(Status.InvalidHandle, "InvalidHandle", exception.Message),
            CallbackFailedException => new(Status.Failed, "CallbackFailed", exception.Message),
            InvalidDataException or Microsoft.Data.Sqlite.SqliteException => new(
                Status.Failed,
                "StoreFailed",
                exception.Message
            ),
            _ => new(Status.Internal, "Internal", $"{exception.GetType().Name}: {exception.Message}"),
        };

    public unsafe ErrorAbi* ToBlock()
    {
        var block = new Block(
            Block.Room<ErrorAbi>() + Block.Room(Id) + Block.Room(Message) + Block.Room(Method) + Block.Room(Rule)
        );
        var error = block.Put<ErrorAbi>();
        *error = new()
        {
            Id = block.Put(Id),
            Message = block.Put(Message),
            Method = block.Put(Method),
            Rule = block.Put(Rule),
            HttpStatus = HttpStatus,
            RetryAfterMs = RetryAfter is { } wait ? (long)wait.TotalMilliseconds : -1,
            CurrentEpoch = CurrentEpoch is { } epoch ? (long)epoch : -1,
        };
        return error;
    }
}

/// <summary>A handle is that of no open client.</summary>
internal sealed class InvalidHandleException() : Exception("There is no such client, or it was closed.");

/// <summary>A callback did not do what it was asked for.</summary>
internal sealed class CallbackFailedException(string message) : Exception(message);
