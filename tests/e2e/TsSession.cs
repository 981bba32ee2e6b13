using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MlsConsole.E2e;

/// <summary>
/// A client on ts-mls that lives as long as the test and does what it is told, command by command
/// (<c>ts/src/session.mjs</c>). Commands for different devices may run side by side.
/// </summary>
public sealed class TsSession : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> _waiting = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Task _reading;
    private readonly Task<string> _errors;
    private long _last;

    private TsSession(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
        _reading = Read();
    }

    /// <param name="url">The service's address.</param>
    /// <param name="authority">The file of a certificate authority to trust; null for the usual ones.</param>
    public static TsSession Start(Uri url, string? authority = null) =>
        new(TsClient.StartTrusting(authority, "session", "--url", url.ToString().TrimEnd('/')));

    /// <summary>Members without a service: messages go in and out as bytes (<c>ts/src/peer.mjs</c>).</summary>
    public static TsSession StartPeer() => new(TsClient.Start("peer"));

    /// <summary>Does a command and returns its result; a refusal or a cut connection fails the test.</summary>
    public async Task<JsonElement> Do(string command, string device, object? arguments = null)
    {
        var reply = await Try(command, device, arguments);
        Assert.True(reply.TryGetProperty("result", out var result), $"{command} of {device}: {reply}");
        return result;
    }

    /// <summary>
    /// Does a command and returns the whole reply: <c>result</c>, or <c>error</c> with <c>status</c> and <c>body</c>.
    /// </summary>
    public async Task<JsonElement> Try(string command, string device, object? arguments = null)
    {
        var line = arguments is null ? new JsonObject() : JsonSerializer.SerializeToNode(arguments)!.AsObject();
        var id = Interlocked.Increment(ref _last);
        (line["id"], line["do"], line["name"]) = (id, command, device);
        var reply = _waiting.GetOrAdd(id, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        await _writing.WaitAsync();
        try
        {
            await _process.StandardInput.WriteLineAsync(line.ToJsonString());
            await _process.StandardInput.FlushAsync();
        }
        finally
        {
            _writing.Release();
        }
        return await reply.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _reading;
        _process.Dispose();
        _writing.Dispose();
    }

    private async Task Read()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var reply = TsClient.Parse(line);
            if (_waiting.TryRemove(reply.GetProperty("id").GetInt64(), out var waiting))
                waiting.SetResult(reply);
        }
        foreach (var waiting in _waiting.Values)
            waiting.TrySetException(new InvalidOperationException($"The client ended: {await _errors}"));
    }
}
