using System.Collections.Concurrent;
using MlsConsole.Core.People;

namespace MlsConsole.Host.People;

/// <summary>
/// The sessions of cookies that came lately. A page loads a dozen files, and each request has the cookie: so the
/// database is asked once a second and not for each of them, and a session that has ended is known a second later.
/// </summary>
internal sealed class SessionCache(Sessions sessions, TimeProvider clock)
{
    private const int MaxEntries = 10_000;

    private static readonly TimeSpan s_lifetime = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <returns>Null if the session has ended.</returns>
    public async ValueTask<OpenSession?> FindAsync(string sessionId, CancellationToken cancellation)
    {
        long now = clock.GetTimestamp();
        if (_entries.TryGetValue(sessionId, out Entry? entry) && clock.GetElapsedTime(entry.ReadAt, now) < s_lifetime)
            return entry.Session;
        OpenSession? session = await sessions.FindAsync(sessionId, cancellation);
        if (_entries.Count >= MaxEntries)
            _entries.Clear();
        bool isSeen = entry is not null && clock.GetElapsedTime(entry.SeenAt, now) < Sessions.SeenInterval;
        _entries[sessionId] = new(session, now, isSeen ? entry!.SeenAt : now);
        if (session is not null && !isSeen)
            await sessions.SeenAsync(sessionId, cancellation);
        return session;
    }

    /// <summary>Forgets a session that this host has just ended.</summary>
    public void Forget(string sessionId) => _entries.TryRemove(sessionId, out _);

    private sealed record Entry(OpenSession? Session, long ReadAt, long SeenAt);
}
