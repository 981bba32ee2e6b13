using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>A one-time link that can be used, as its page shows it.</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="UserName">Whom it is for; null if it makes a new person.</param>
public sealed record LinkView(LinkPurpose Purpose, string? UserName);

/// <summary>One-time links: the first admin's, invitations, resets, and the demonstration's.</summary>
public sealed class OneTimeLinks
{
    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly Sessions _sessions;
    private readonly TimeProvider _clock;

    internal OneTimeLinks(Database database, PeopleWriter writer, Sessions sessions, TimeProvider clock) =>
        (_database, _writer, _sessions, _clock) = (database, writer, sessions, clock);

    /// <summary>How long a link for this purpose works.</summary>
    public static TimeSpan LifetimeOf(LinkPurpose purpose) =>
        purpose switch
        {
            LinkPurpose.Invitation => TimeSpan.FromDays(3),
            LinkPurpose.Reset => TimeSpan.FromDays(1),
            _ => TimeSpan.FromHours(1),
        };

    /// <summary>Whether the console has an admin who can sign in. Without one it serves nothing but links.</summary>
    public async Task<bool> IsThereAnAdminAsync(CancellationToken cancellation)
    {
        await using MlsDbContext context = _database.Read();
        return await PeopleTransaction.CountAdminsAsync(context) > 0;
    }

    /// <summary>Makes a link that makes an admin: the first one, or another one.</summary>
    /// <returns>The token of the link, which is stored nowhere.</returns>
    public Task<string> MakeForAdminAsync(LinkPurpose purpose, CancellationToken cancellation)
    {
        if (purpose is not (LinkPurpose.FirstAdmin or LinkPurpose.Admin))
            throw new ArgumentException($"{purpose} makes no admin.", nameof(purpose));
        return _writer.WriteAsync(
            async write =>
            {
                await write
                    .Context.Set<OneTimeLink>()
                    .Where(old => old.Purpose == purpose && old.ExpiresAt < write.Now)
                    .ExecuteDeleteAsync();
                // Of the first kind every start of a host makes one, which is no act of a person.
                if (purpose == LinkPurpose.Admin)
                    write.Audit(Actor.CommandLine.Name, "makeAdminLink", subject: null);
                return Add(write, purpose, user: null);
            },
            cancellation
        );
    }

    /// <summary>What a link is for, without using it.</summary>
    /// <returns>Null if the link was used, has expired or never existed.</returns>
    public async Task<LinkView?> FindAsync(string token, CancellationToken cancellation)
    {
        await using MlsDbContext context = _database.Read();
        if (await FindAsync(context, token, _clock.GetUtcNow()) is not { } link)
            return null;
        string? name = link.UserId is { } id
            ? await context
                .Set<ConsoleUser>()
                .Where(user => user.Id == id)
                .Select(user => user.UserName)
                .SingleOrDefaultAsync(cancellation)
            : null;
        return new(link.Purpose, name);
    }

    /// <summary>Uses a link that makes an admin, and signs the new admin in.</summary>
    /// <exception cref="RefusedException">LinkInvalid, NameTaken, InvalidRequest or PasswordRefused.</exception>
    public Task<OpenSession> MakeAdminAsync(
        string token,
        string userName,
        string password,
        Visit visit,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                OneTimeLink link = await UseAsync(write, token);
                if (link.Purpose is not (LinkPurpose.FirstAdmin or LinkPurpose.Admin))
                    throw ConsoleRefusals.LinkInvalid.AsException();
                ConsoleUser user = await PeopleAdministration.AddAsync(write, userName, ConsoleRole.Admin);
                UserManagers.RequirePassword(await write.Users.AddPasswordAsync(user, password));
                write.Audit(user.UserName!, "makeAdmin", user.UserName, reason: link.Purpose.ToString());
                // The other links for a first admin have had their time.
                await write
                    .Context.Set<OneTimeLink>()
                    .Where(other => other.Purpose == LinkPurpose.FirstAdmin)
                    .ExecuteDeleteAsync();
                return _sessions.Open(write, user, SignInWay.Link, visit);
            },
            cancellation
        );

    /// <summary>Uses an invitation or a reset: the person gets a password and is signed in.</summary>
    /// <exception cref="RefusedException">LinkInvalid or PasswordRefused.</exception>
    public Task<OpenSession> ChoosePasswordAsync(
        string token,
        string password,
        Visit visit,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                OneTimeLink link = await UseAsync(write, token);
                if (
                    link.Purpose is not (LinkPurpose.Invitation or LinkPurpose.Reset)
                    || await write.Users.FindByIdAsync(link.UserId!) is not { DisabledAt: null } user
                )
                    throw ConsoleRefusals.LinkInvalid.AsException();
                if (user.PasswordHash is not null)
                    UserManagers.Require(await write.Users.RemovePasswordAsync(user));
                UserManagers.RequirePassword(await write.Users.AddPasswordAsync(user, password));
                (user.TwoFactorEnabled, user.LockoutEnd, user.AccessFailedCount) = (false, null, 0);
                await write.EndSessionsAsync(user);
                write.Audit(user.UserName!, "choosePassword", user.UserName, reason: link.Purpose.ToString());
                return _sessions.Open(write, user, SignInWay.Link, visit);
            },
            cancellation
        );

    /// <summary>Uses the link of the demonstration.</summary>
    /// <exception cref="RefusedException">LinkInvalid.</exception>
    public Task<OpenSession> SignInToDemoAsync(string token, Visit visit, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                OneTimeLink link = await UseAsync(write, token);
                return
                    link.Purpose == LinkPurpose.Demo
                    && await write.Users.FindByIdAsync(link.UserId!) is { DisabledAt: null, IsDemo: true } user
                    ? _sessions.Open(write, user, SignInWay.Link, visit)
                    : throw ConsoleRefusals.LinkInvalid.AsException();
            },
            cancellation
        );

    /// <summary>Makes a link in a transaction; earlier links of the same purpose for the same person end.</summary>
    /// <returns>The token of the link.</returns>
    internal static string Add(PeopleTransaction write, LinkPurpose purpose, ConsoleUser? user)
    {
        string token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        if (user is not null)
            write.Context.RemoveRange(
                write.Context.Set<OneTimeLink>().Where(other => other.UserId == user.Id && other.Purpose == purpose)
            );
        write.Context.Add(
            new OneTimeLink
            {
                Hash = HashOf(token),
                Purpose = purpose,
                UserId = user?.Id,
                CreatedAt = write.Now,
                ExpiresAt = write.Now + LifetimeOf(purpose),
            }
        );
        return token;
    }

    internal static string HashOf(string token) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private static async Task<OneTimeLink> UseAsync(PeopleTransaction write, string token)
    {
        OneTimeLink link =
            await FindAsync(write.Context, token, write.Now) ?? throw ConsoleRefusals.LinkInvalid.AsException();
        // Of two that use the link at the same time, one deletes no row.
        int deleted = await write.Context.Set<OneTimeLink>().Where(one => one.Hash == link.Hash).ExecuteDeleteAsync();
        return deleted == 1 ? link : throw ConsoleRefusals.LinkInvalid.AsException();
    }

    private static async Task<OneTimeLink?> FindAsync(MlsDbContext context, string token, DateTimeOffset now)
    {
        string hash = HashOf(token);
        OneTimeLink? link = await context
            .Set<OneTimeLink>()
            .AsNoTracking()
            .SingleOrDefaultAsync(link => link.Hash == hash && link.ExpiresAt > now);
        return link?.Purpose == LinkPurpose.FirstAdmin && await PeopleTransaction.CountAdminsAsync(context) > 0
            ? null
            : link;
    }
}
