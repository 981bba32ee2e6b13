using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>A person who may sign in to the console, as admins see it.</summary>
/// <param name="IsInvited">Whether the person has not accepted the invitation yet.</param>
/// <param name="IsLocked">Whether too many wrong passwords have locked the password for the moment.</param>
public sealed record PersonView(
    string Id,
    string UserName,
    ConsoleRole Role,
    bool IsDisabled,
    bool IsInvited,
    bool IsLocked,
    bool HasSecondFactor,
    int Passkeys,
    bool IsDemo,
    DateTimeOffset CreatedAt,
    DateTimeOffset? LastSignInAt
);

/// <summary>The administration of people: who may sign in, and what each may do. All of it takes an admin.</summary>
public sealed class PeopleAdministration
{
    /// <summary>How many people there may be.</summary>
    public const int MaxPeople = 10_000;

    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly TimeProvider _clock;

    internal PeopleAdministration(Database database, PeopleWriter writer, TimeProvider clock) =>
        (_database, _writer, _clock) = (database, writer, clock);

    /// <exception cref="RefusedException">Forbidden.</exception>
    public async Task<IReadOnlyList<PersonView>> ListAsync(Actor actor, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        DateTimeOffset now = _clock.GetUtcNow();
        await using MlsDbContext context = _database.Read();
        List<ConsoleUser> users = await context
            .Set<ConsoleUser>()
            .OrderBy(user => user.NormalizedUserName)
            .ToListAsync(cancellation);
        ILookup<string, string> passkeys = (
            await context.Set<IdentityUserPasskey<string>>().Select(one => one.UserId).ToListAsync(cancellation)
        ).ToLookup(id => id);
        HashSet<string> external =
        [
            .. await context.Set<IdentityUserLogin<string>>().Select(one => one.UserId).ToListAsync(cancellation),
        ];
        return
        [
            .. users.Select(user => new PersonView(
                user.Id,
                user.UserName!,
                user.Role,
                IsDisabled: user.DisabledAt is not null,
                IsInvited: user.PasswordHash is null
                    && !user.IsDemo
                    && !external.Contains(user.Id)
                    && !passkeys.Contains(user.Id),
                IsLocked: user.LockoutEnd > now,
                user.TwoFactorEnabled,
                passkeys[user.Id].Count(),
                user.IsDemo,
                user.CreatedAt,
                user.LastSignInAt
            )),
        ];
    }

    /// <summary>Invites a person.</summary>
    /// <returns>The token of a link by which the person chooses a password.</returns>
    /// <exception cref="RefusedException">Forbidden, NameTaken or InvalidRequest.</exception>
    public Task<string> InviteAsync(Actor actor, string userName, ConsoleRole role, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        return _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await AddAsync(write, userName, role);
                write.Audit(actor.Name, "invitePerson", user.UserName, details: Details("role", role));
                return OneTimeLinks.Add(write, LinkPurpose.Invitation, user);
            },
            cancellation
        );
    }

    /// <summary>Makes a link by which a person chooses another password. The person's sessions end at once.</summary>
    /// <returns>The token of the link.</returns>
    /// <exception cref="RefusedException">Forbidden or NotFound.</exception>
    public Task<string> ResetAsync(Actor actor, string userId, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        return _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(userId);
                RequireNoDemo(user);
                bool isInvited = user.PasswordHash is null;
                await write.EndSessionsAsync(user);
                write.Audit(actor.Name, "resetPerson", user.UserName);
                return OneTimeLinks.Add(write, isInvited ? LinkPurpose.Invitation : LinkPurpose.Reset, user);
            },
            cancellation
        );
    }

    /// <summary>Gives a person another role. The person's sessions end.</summary>
    /// <exception cref="RefusedException">Forbidden, NotFound or LastConsoleAdmin.</exception>
    public Task SetRoleAsync(Actor actor, string userId, ConsoleRole role, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        if (!Enum.IsDefined(role))
            throw Refusal.InvalidRequest("There is no such role.").AsException();
        return ChangeAsync(
            actor,
            userId,
            "setRole",
            user => user.Role != role,
            user =>
            {
                AuditDetails details = new AuditDetails()
                    .Add("before", user.Role.ToString())
                    .Add("after", role.ToString());
                user.Role = role;
                return details;
            },
            cancellation
        );
    }

    /// <summary>Forbids a person to sign in, or allows it again. The person's sessions end.</summary>
    /// <exception cref="RefusedException">Forbidden, NotFound or LastConsoleAdmin.</exception>
    public Task SetDisabledAsync(Actor actor, string userId, bool disabled, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        return ChangeAsync(
            actor,
            userId,
            disabled ? "disablePerson" : "enablePerson",
            user => user.DisabledAt is null == disabled,
            user =>
            {
                user.DisabledAt = disabled ? _clock.GetUtcNow() : null;
                (user.LockoutEnd, user.AccessFailedCount) = (null, 0);
                return null;
            },
            cancellation
        );
    }

    /// <summary>Removes a person for good. What the audit log says of the person stays.</summary>
    /// <exception cref="RefusedException">Forbidden, NotFound or LastConsoleAdmin.</exception>
    public Task RemoveAsync(Actor actor, string userId, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        return _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(userId);
                int before = await write.CountAdminsAsync();
                UserManagers.Require(await write.Users.DeleteAsync(user));
                await RequireAdminAsync(write, before);
                write.Audit(actor.Name, "removePerson", user.UserName);
                return true;
            },
            cancellation
        );
    }

    /// <summary>Adds a person without any way to sign in.</summary>
    /// <exception cref="RefusedException">NameTaken or InvalidRequest.</exception>
    internal static async Task<ConsoleUser> AddAsync(PeopleTransaction write, string userName, ConsoleRole role)
    {
        if (!Enum.IsDefined(role))
            throw Refusal.InvalidRequest("There is no such role.").AsException();
        userName = userName.Trim();
        if (userName.Length is 0 or > ConsoleUser.MaxNameLength)
            throw Refusal.InvalidRequest($"A name has 1 to {ConsoleUser.MaxNameLength} characters.").AsException();
        if (await write.Context.Set<ConsoleUser>().CountAsync() >= MaxPeople)
            throw Refusal.InvalidRequest($"There are at most {MaxPeople} people.").AsException();
        if (await write.Users.FindByNameAsync(userName) is not null || IsReserved(userName))
            throw ConsoleRefusals.NameTaken.AsException();
        ConsoleUser user = new()
        {
            UserName = userName,
            Role = role,
            CreatedAt = write.Now,
            LockoutEnabled = true,
        };
        IdentityResult result = await write.Users.CreateAsync(user);
        return result.Succeeded
            ? user
            : throw Refusal
                .InvalidRequest("A name has only letters and digits without accents, and the signs -._@+.")
                .AsException();
    }

    /// <summary>Names that the audit log has for others than people.</summary>
    private static bool IsReserved(string userName) =>
        (
            (string[])
                [
                    AuditEntry.Operator,
                    AuditEntry.Counted,
                    AuditEntry.RateLimited,
                    AuditEntry.Unauthenticated,
                    "configuration",
                    "console",
                ]
        ).Contains(userName, StringComparer.OrdinalIgnoreCase);

    private Task<bool> ChangeAsync(
        Actor actor,
        string userId,
        string action,
        Func<ConsoleUser, bool> isChange,
        Func<ConsoleUser, AuditDetails?> change,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(userId);
                RequireNoDemo(user);
                if (!isChange(user))
                    return false;
                int before = await write.CountAdminsAsync();
                AuditDetails? details = change(user);
                await write.EndSessionsAsync(user);
                await RequireAdminAsync(write, before);
                write.Audit(actor.Name, action, user.UserName, details: details);
                return true;
            },
            cancellation
        );

    /// <exception cref="RefusedException">LastConsoleAdmin: there was an admin, and now there is none.</exception>
    private static async Task RequireAdminAsync(PeopleTransaction write, int before)
    {
        if (before > 0 && await write.CountAdminsAsync() == 0)
            throw ConsoleRefusals.LastConsoleAdmin.AsException();
    }

    /// <exception cref="RefusedException">InvalidRequest: the admin of a demonstration is not administered.</exception>
    private static void RequireNoDemo(ConsoleUser user)
    {
        if (user.IsDemo)
            throw Refusal.InvalidRequest("The admin of the demonstration cannot be changed.").AsException();
    }

    private static AuditDetails Details(string name, ConsoleRole role) => new AuditDetails().Add(name, role.ToString());
}
