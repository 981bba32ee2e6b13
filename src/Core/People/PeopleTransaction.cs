using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>One change of people, with its audit entries, in one transaction.</summary>
internal sealed class PeopleTransaction(MlsDbContext context, DateTimeOffset now)
{
    private readonly List<AuditEntry> _entries = [];

    public MlsDbContext Context => context;
    public DateTimeOffset Now => now;
    public UserManager<ConsoleUser> Users { get; } = UserManagers.Over(context);
    public IReadOnlyList<AuditEntry> Entries => _entries;

    /// <summary>Adds an audit entry.</summary>
    /// <param name="actor">The name of whoever did it.</param>
    /// <param name="action">What was done, for example <c>signIn</c>.</param>
    /// <param name="subject">The name of the person or the token that it was done to.</param>
    /// <param name="outcome"><c>accepted</c>, or an error name.</param>
    /// <param name="reason">Of a closed list, or a person's own words.</param>
    /// <param name="details">Before and after.</param>
    public void Audit(
        string actor,
        string action,
        string? subject,
        string outcome = RequestOutcomes.Accepted,
        string? reason = null,
        AuditDetails? details = null
    )
    {
        AuditEntry entry = new()
        {
            At = now,
            Actor = actor,
            Action = action,
            Subject = subject,
            Outcome = outcome,
            Reason = reason,
            Details = details?.ToString(),
            CorrelationId = Guid.CreateVersion7().ToString("N"),
        };
        _entries.Add(entry);
        context.Add(entry);
    }

    /// <exception cref="RefusedException">NotFound: there is no such person.</exception>
    public async Task<ConsoleUser> PersonAsync(string userId) =>
        await Users.FindByIdAsync(userId) ?? throw ConsoleRefusals.NotFound.AsException();

    /// <summary>Admins who can sign in: not those who are disabled, nor those who have not accepted their invitation.
    /// </summary>
    public Task<int> CountAdminsAsync() => CountAdminsAsync(context);

    public static Task<int> CountAdminsAsync(MlsDbContext context) =>
        context
            .Set<ConsoleUser>()
            .CountAsync(user =>
                user.Role == ConsoleRole.Admin
                && user.DisabledAt == null
                && (
                    user.PasswordHash != null
                    || user.IsDemo
                    || context.Set<IdentityUserLogin<string>>().Any(login => login.UserId == user.Id)
                    || context.Set<IdentityUserPasskey<string>>().Any(passkey => passkey.UserId == user.Id)
                )
            );

    /// <summary>
    /// Counts a wrong password or code. Too many in a row lock the person's password for a while.
    /// </summary>
    /// <returns>Whether this one has locked it.</returns>
    public bool CountFailure(ConsoleUser user)
    {
        if (++user.AccessFailedCount < UserManagers.MaxFailures)
            return false;
        (user.AccessFailedCount, user.LockoutEnd) = (0, now + UserManagers.LockOut);
        return true;
    }

    /// <summary>Ends all sessions of a person, by giving the person another stamp.</summary>
    /// <param name="user">The person.</param>
    /// <param name="except">The session that goes on: the person's own, who has just shown who it is.</param>
    public async Task EndSessionsAsync(ConsoleUser user, string? except = null)
    {
        UserManagers.Require(await Users.UpdateSecurityStampAsync(user));
        await KeepSessionAsync(user, except);
    }

    /// <summary>Lets one session go on although its person has another stamp now.</summary>
    public async Task KeepSessionAsync(ConsoleUser user, string? sessionId)
    {
        if (
            sessionId is not null
            && await context.Set<ConsoleSession>().FindAsync(sessionId) is { } session
            && session.UserId == user.Id
        )
            session.Stamp = user.SecurityStamp!;
    }
}

/// <summary>Runs changes of people.</summary>
internal sealed class PeopleWriter(Database database, AuditLog audit, TimeProvider clock)
{
    /// <exception cref="RefusedException">The change was refused, and nothing was written.</exception>
    public async Task<T> WriteAsync<T>(Func<PeopleTransaction, Task<T>> change, CancellationToken cancellation)
    {
        (T result, IReadOnlyList<AuditEntry> entries) = await database.WriteAsync(
            async context =>
            {
                PeopleTransaction transaction = new(context, clock.GetUtcNow());
                return (await change(transaction), transaction.Entries);
            },
            cancellation
        );
        foreach (AuditEntry entry in entries)
            audit.Announce(entry);
        return result;
    }
}
