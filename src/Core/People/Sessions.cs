using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>A session that holds, as its cookie and its connections need it.</summary>
public sealed record OpenSession(string Id, string UserId, string UserName, ConsoleRole Role, DateTimeOffset ExpiresAt)
{
    /// <summary>The person as the actor of commands.</summary>
    public Actor Actor => new(UserName, Role);
}

/// <summary>A session as its owner and admins see it.</summary>
public sealed record SessionView(
    string Id,
    string UserName,
    SignInWay Way,
    string Device,
    string Address,
    DateTimeOffset CreatedAt,
    DateTimeOffset LastSeenAt
);

/// <summary>
/// The sessions of people. A session ends when its person signs out, when it is revoked or over, and when its person
/// is disabled or has another role, password or second factor.
/// </summary>
public sealed class Sessions
{
    /// <summary>How often the time when a session was last seen is written.</summary>
    public static readonly TimeSpan SeenInterval = TimeSpan.FromMinutes(1);

    /// <summary>How long ended sessions and used-up links stay in the database.</summary>
    internal static readonly TimeSpan Retention = TimeSpan.FromDays(30);

    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly CoreSettings _settings;
    private readonly TimeProvider _clock;

    internal Sessions(Database database, PeopleWriter writer, CoreSettings settings, TimeProvider clock) =>
        (_database, _writer, _settings, _clock) = (database, writer, settings, clock);

    /// <summary>The session of a cookie.</summary>
    /// <returns>Null if the session has ended.</returns>
    public async Task<OpenSession?> FindAsync(string sessionId, CancellationToken cancellation) =>
        (await OpenAmongAsync([sessionId], cancellation)).GetValueOrDefault(sessionId);

    /// <summary>Those of the given sessions that have not ended, by their ids.</summary>
    public async Task<IReadOnlyDictionary<string, OpenSession>> OpenAmongAsync(
        IReadOnlyCollection<string> sessionIds,
        CancellationToken cancellation
    )
    {
        DateTimeOffset now = _clock.GetUtcNow();
        await using MlsDbContext context = _database.Read();
        return await Open(context, now)
            .Where(open => sessionIds.Contains(open.Session.Id))
            .Select(open => new OpenSession(
                open.Session.Id,
                open.User.Id,
                open.User.UserName!,
                open.User.Role,
                open.Session.ExpiresAt
            ))
            .ToDictionaryAsync(session => session.Id, cancellation);
    }

    /// <summary>The open sessions of a person, or of everybody, the one that was used last first.</summary>
    /// <param name="actor">An admin may ask for everybody's, others for their own alone.</param>
    /// <param name="userId">The person; null for everybody.</param>
    /// <param name="cancellation">Gives up reading.</param>
    /// <exception cref="RefusedException">Forbidden.</exception>
    public async Task<IReadOnlyList<SessionView>> ListAsync(Actor actor, string? userId, CancellationToken cancellation)
    {
        await using MlsDbContext context = _database.Read();
        var sessions = Open(context, _clock.GetUtcNow());
        if (!actor.May(ConsoleRole.Admin))
            sessions = sessions.Where(open => open.User.UserName == actor.Name);
        if (userId is not null)
            sessions = sessions.Where(open => open.User.Id == userId);
        return await sessions
            .OrderByDescending(open => open.Session.LastSeenAt)
            .Take(500)
            .Select(open => new SessionView(
                open.Session.Id,
                open.User.UserName!,
                open.Session.Way,
                open.Session.Device,
                open.Session.Address,
                open.Session.CreatedAt,
                open.Session.LastSeenAt
            ))
            .ToListAsync(cancellation);
    }

    /// <summary>Writes that a session was used, at most once a minute.</summary>
    public Task SeenAsync(string sessionId, CancellationToken cancellation)
    {
        long now = _clock.GetUtcNow().ToUnixTimeMilliseconds(),
            before = now - (long)SeenInterval.TotalMilliseconds;
        return _database.WriteAsync(
            $"UPDATE console_sessions SET last_seen_at = {now} WHERE id = {sessionId} AND last_seen_at < {before}",
            cancellation
        );
    }

    /// <summary>Ends a session: its owner signs out or revokes it, or an admin does.</summary>
    /// <exception cref="RefusedException">
    /// NotFound: there is no such session, or it is somebody else's and the actor is no admin.
    /// </exception>
    public Task EndAsync(Actor actor, string sessionId, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                var found = await write
                    .Context.Set<ConsoleSession>()
                    .Join(
                        write.Context.Set<ConsoleUser>(),
                        session => session.UserId,
                        user => user.Id,
                        (session, user) => new { Session = session, user.UserName }
                    )
                    .SingleOrDefaultAsync(one => one.Session.Id == sessionId);
                if (found is null || (found.UserName != actor.Name && !actor.May(ConsoleRole.Admin)))
                    throw ConsoleRefusals.NotFound.AsException();
                if (found.Session.EndedAt is not null)
                    return false;
                found.Session.EndedAt = write.Now;
                write.Audit(actor.Name, "endSession", found.UserName);
                return true;
            },
            cancellation
        );

    /// <summary>Deletes sessions and links that are long over.</summary>
    public async Task PruneAsync(CancellationToken cancellation)
    {
        DateTimeOffset before = _clock.GetUtcNow() - Retention;
        await _database.WriteAsync(
            context => context.Set<ConsoleSession>().Where(one => one.ExpiresAt < before).ExecuteDeleteAsync(),
            cancellation
        );
        await _database.WriteAsync(
            context => context.Set<OneTimeLink>().Where(one => one.ExpiresAt < before).ExecuteDeleteAsync(),
            cancellation
        );
    }

    /// <summary>Opens a session in the transaction of a sign-in.</summary>
    internal OpenSession Open(PeopleTransaction write, ConsoleUser user, SignInWay way, Visit visit)
    {
        ConsoleSession session = new()
        {
            Id = RandomNumberGenerator.GetHexString(32, lowercase: true),
            UserId = user.Id,
            Stamp = user.SecurityStamp!,
            Way = way,
            Device = visit.ShortDevice,
            Address = visit.Address,
            CreatedAt = write.Now,
            LastSeenAt = write.Now,
            ExpiresAt = write.Now + _settings.ConsoleSessionLifetime,
        };
        write.Context.Add(session);
        user.LastSignInAt = write.Now;
        write.Audit(
            user.UserName!,
            "signIn",
            user.UserName,
            details: new AuditDetails().Add("way", way.ToString()).Add("address", visit.Address)
        );
        return new(session.Id, user.Id, user.UserName!, user.Role, session.ExpiresAt);
    }

    private static IQueryable<Pair> Open(MlsDbContext context, DateTimeOffset now) =>
        context
            .Set<ConsoleSession>()
            .Join(
                context.Set<ConsoleUser>(),
                session => session.UserId,
                user => user.Id,
                (session, user) => new Pair { Session = session, User = user }
            )
            .Where(open =>
                open.Session.EndedAt == null
                && open.Session.ExpiresAt > now
                && open.User.DisabledAt == null
                && open.User.SecurityStamp == open.Session.Stamp
            );

    private sealed class Pair
    {
        public required ConsoleSession Session { get; init; }
        public required ConsoleUser User { get; init; }
    }
}
