using System.Security.Claims;
using MlsConsole.Core.People;
using MlsConsole.Dashboard.People;

namespace MlsConsole.Host.People;

/// <summary>
/// What is open on this host for a session or an API token: live pages, and connections of hubs. A duty looks every
/// second whether the sessions and tokens still hold, and what is open for the others is told.
/// </summary>
internal sealed class OpenConnections(Sessions sessions, ApiTokens tokens)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, List<Action>> _open = [];

    /// <summary>Calls <paramref name="ended"/> once when the principal's session or token has ended.</summary>
    /// <returns>Ends the watch; null if the principal has neither session nor token.</returns>
    public IDisposable? Watch(ClaimsPrincipal principal, Action ended)
    {
        Key? key =
            ConsolePrincipal.SessionOf(principal) is { } session ? new(session.Id, IsToken: false)
            : ConsolePrincipal.TokenOf(principal) is { } token ? new(token, IsToken: true)
            : null;
        if (key is not { } own)
            return null;
        lock (_lock)
        {
            if (!_open.TryGetValue(own, out List<Action>? watched))
                _open[own] = watched = [];
            watched.Add(ended);
        }
        return new Watched(() => Remove(own, ended));
    }

    /// <summary>Tells what is open for sessions and tokens that have ended.</summary>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        List<Key> keys;
        lock (_lock)
            keys = [.. _open.Keys];
        if (keys.Count == 0)
            return;
        string[] sessionIds = [.. keys.Where(key => !key.IsToken).Select(key => key.Id)],
            tokenIds = [.. keys.Where(key => key.IsToken).Select(key => key.Id)];
        var openSessions =
            sessionIds.Length == 0
                ? new Dictionary<string, OpenSession>()
                : await sessions.OpenAmongAsync(sessionIds, cancellation);
        var openTokens = tokenIds.Length == 0 ? [] : await tokens.OpenAmongAsync(tokenIds, cancellation);
        foreach (Key key in keys)
            if (key.IsToken ? !openTokens.Contains(key.Id) : !openSessions.ContainsKey(key.Id))
                End(key);
    }

    private void End(Key key)
    {
        List<Action>? watched;
        lock (_lock)
            _open.Remove(key, out watched);
        foreach (Action ended in watched ?? [])
            ended();
    }

    private void Remove(Key key, Action ended)
    {
        lock (_lock)
            if (_open.TryGetValue(key, out List<Action>? watched) && watched.Remove(ended) && watched.Count == 0)
                _open.Remove(key);
    }

    private readonly record struct Key(string Id, bool IsToken);

    private sealed class Watched(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
