using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.ConsoleUsers;

namespace MlsConsole.Core.People;

/// <summary>The admin of a demonstration, who signs in by a printed link with one click.</summary>
public sealed class Demonstration
{
    /// <summary>The admin's name.</summary>
    public const string AdminName = "demo-admin";

    private readonly PeopleWriter _writer;

    internal Demonstration(PeopleWriter writer) => _writer = writer;

    /// <summary>
    /// Makes the demonstration's admin on a new database, which marks the database, and makes a new link that signs the
    /// admin in. Earlier links end.
    /// </summary>
    /// <param name="isNewDatabase">Whether this start of the host has made the database.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <returns>The token of the link; null if the database is not a demonstration's.</returns>
    public Task<string?> StartAsync(bool isNewDatabase, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser? user = await FindAsync(write);
                if (user is null)
                {
                    if (!isNewDatabase)
                        return null;
                    user = await PeopleAdministration.AddAsync(write, AdminName, ConsoleRole.Admin);
                    user.IsDemo = true;
                    write.Audit(Actor.CommandLine.Name, "makeDemoAdmin", AdminName);
                }
                user.DisabledAt = null;
                return OneTimeLinks.Add(write, LinkPurpose.Demo, user);
            },
            cancellation
        );

    /// <summary>
    /// Disables the demonstration's admin, whose sessions end: the database is used for something else.
    /// </summary>
    public Task EndAsync(CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                if (await FindAsync(write) is not { DisabledAt: null } user)
                    return false;
                user.DisabledAt = write.Now;
                await write.EndSessionsAsync(user);
                write.Audit(Actor.CommandLine.Name, "disablePerson", AdminName);
                return true;
            },
            cancellation
        );

    private static Task<ConsoleUser?> FindAsync(PeopleTransaction write) =>
        write.Context.Set<ConsoleUser>().AsTracking().SingleOrDefaultAsync(user => user.IsDemo);
}
