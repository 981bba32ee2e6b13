using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace MlsConsole.Clients.Native;

/// <summary>
/// A client that was handed out to the caller, with its calls under way and its events. Handles are numbers, of which
/// none is used twice.
/// </summary>
internal sealed class OpenClient : IDisposable
{
    private static readonly ConcurrentDictionary<nint, OpenClient> s_open = [];
    private static long s_lastHandle;
    private readonly CancellationTokenSource _closing = new();
    private readonly ManualResetEventSlim _idle = new();
    private readonly Lock _lock = new();
    private readonly AccountKey? _accountKey;
    private int _calls;
    private bool _isClosing;

    private OpenClient(MlsClient client, string did, AccountKey? accountKey, EventQueue events) =>
        (Client, Did, _accountKey, Events) = (client, did, accountKey, events);

    public MlsClient Client { get; }
    public string Did { get; }
    public EventQueue Events { get; }
    public CancellationToken Closing => _closing.Token;

    /// <returns>The handle.</returns>
    public static nint Add(MlsClient client, string did, AccountKey? accountKey, EventQueue events)
    {
        nint handle = (nint)Interlocked.Increment(ref s_lastHandle);
        s_open[handle] = new(client, did, accountKey, events);
        return handle;
    }

    /// <summary>Begins a call; <see cref="Leave"/> ends it.</summary>
    public static OpenClient Enter(nint handle)
    {
        if (!s_open.TryGetValue(handle, out var client))
            throw new InvalidHandleException();
        lock (client._lock)
        {
            if (client._isClosing)
                throw new InvalidHandleException();
            client._calls++;
        }
        return client;
    }

    public void Leave()
    {
        lock (_lock)
        {
            if (--_calls == 0 && _isClosing)
                _idle.Set();
        }
    }

    /// <summary>Sends a message and zeroes it.</summary>
    public async Task<Recorded> SendAsync(string conversationId, byte[] data, CancellationToken cancellation)
    {
        try
        {
            return await Client.Conversations.SendAsync(conversationId, data, cancellation).ConfigureAwait(false);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(data);
        }
    }

    /// <summary>Ends the calls under way, waits for their ends, and forgets all secrets in memory.</summary>
    public static void Close(nint handle)
    {
        if (!s_open.TryRemove(handle, out var client))
            throw new InvalidHandleException();
        client.Close();
    }

    private void Close()
    {
        lock (_lock)
        {
            _isClosing = true;
            if (_calls == 0)
                _idle.Set();
        }
        _closing.Cancel();
        _idle.Wait();
        try
        {
            Events.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            Client.DisposeAsync().AsTask().GetAwaiter().GetResult();
            Dispose();
        }
    }

    public void Dispose()
    {
        _accountKey?.Dispose();
        _closing.Dispose();
        _idle.Dispose();
    }
}
