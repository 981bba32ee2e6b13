using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Audit;
using MlsConsole.Core.People;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>Signing in, being locked out, and what ends a session.</summary>
public sealed class Signing_in : IAsyncLifetime
{
    internal const string Password = "a quiet harbour at dawn";

    private static readonly Visit s_visit = new("a browser", "192.0.2.1");

    private readonly FakeTimeProvider _clock = new(DateTimeOffset.UtcNow);
    private Service _service = null!;

    private Sessions Sessions => _service.Get<Sessions>();
    private SignIn SignIn => _service.Get<SignIn>();
    private PeopleAdministration People => _service.Get<PeopleAdministration>();

    public async Task InitializeAsync() => _service = await Service.StartAsync(clock: _clock);

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task The_first_admin_is_made_once()
    {
        OneTimeLinks links = _service.Get<OneTimeLinks>();
        Assert.False(await links.IsThereAnAdminAsync(default));
        string used = await links.MakeForAdminAsync(LinkPurpose.FirstAdmin, default),
            other = await links.MakeForAdminAsync(LinkPurpose.FirstAdmin, default);
        Assert.Equal(new(LinkPurpose.FirstAdmin, null), await links.FindAsync(used, default));
        // Looking at a link does not use it, and a refusal does not either.
        await RefusedAsync(
            ConsoleRefusals.PasswordRefusedError,
            () => links.MakeAdminAsync(used, "anna", "password1234", s_visit, default)
        );
        OpenSession session = await links.MakeAdminAsync(used, "anna", Password, s_visit, default);
        Assert.Equal(("anna", ConsoleRole.Admin), (session.UserName, session.Role));
        Assert.True(await links.IsThereAnAdminAsync(default));
        foreach (string link in (string[])[used, other, await links.MakeForAdminAsync(LinkPurpose.FirstAdmin, default)])
        {
            Assert.Null(await links.FindAsync(link, default));
            await RefusedAsync(
                ConsoleRefusals.LinkInvalidError,
                () => links.MakeAdminAsync(link, "eve", Password, s_visit, default)
            );
        }
        // The command line makes another one.
        string another = await links.MakeForAdminAsync(LinkPurpose.Admin, default);
        Assert.Equal("eve", (await links.MakeAdminAsync(another, "eve", Password, s_visit, default)).UserName);
    }

    [Fact]
    public async Task A_link_ends_after_its_time()
    {
        OneTimeLinks links = _service.Get<OneTimeLinks>();
        string link = await links.MakeForAdminAsync(LinkPurpose.FirstAdmin, default);
        _clock.Advance(TimeSpan.FromMinutes(61));
        Assert.Null(await links.FindAsync(link, default));
    }

    [Fact]
    public async Task A_stranger_cannot_tell_a_known_name_from_an_unknown_one()
    {
        await PersonAsync("ben", ConsoleRole.Viewer);
        foreach (string name in (string[])["ben", "nobody", "", new string('x', 100_000), "invited", "disabled"])
        {
            long before = SignIn.Comparisons;
            SignInAnswer answer = await SignIn.WithPasswordAsync(name, "a wrong password", s_visit, default);
            // The same answer, for the same work: one comparison of a hash.
            Assert.Equal(SignInAnswer.Refused, answer);
            Assert.Equal(1, SignIn.Comparisons - before);
        }
    }

    [Fact]
    public async Task Five_wrong_passwords_lock_the_password_for_a_quarter_of_an_hour_and_end_no_session()
    {
        OpenSession open = await PersonAsync("ben", ConsoleRole.Viewer);
        for (int i = 0; i < 20; i++)
            Assert.Equal(
                SignInAnswer.Refused,
                await SignIn.WithPasswordAsync("ben", "a wrong password", s_visit, default)
            );
        Assert.Equal(SignInAnswer.Refused, await SignIn.WithPasswordAsync("ben", Password, s_visit, default));
        Assert.NotNull(await Sessions.FindAsync(open.Id, default));
        // An attack of any length writes six entries, and what follows is counted.
        Assert.Equal(5, (await AuditAsync("signIn")).Count(entry => entry.Outcome == "SignInRefused"));
        Assert.Single(await AuditAsync("lockPassword"));
        await _service.Get<AuditTally>().FlushAsync(all: true, default);
        Assert.Equal(16, Assert.Single(await AuditAsync("signIn"), entry => entry.Subject is null).Times);

        _clock.Advance(UserManagers.LockOut + TimeSpan.FromSeconds(1));
        Assert.NotNull((await SignIn.WithPasswordAsync("ben", Password, s_visit, default)).Session);
    }

    [Fact]
    public async Task A_session_ends_with_its_time_its_revocation_and_every_change_of_its_person()
    {
        OpenSession anna = await PersonAsync("anna", ConsoleRole.Admin);
        OpenSession ben = await PersonAsync("ben", ConsoleRole.Viewer);
        foreach (
            Func<Task> end in (Func<Task>[])
                [
                    () => People.SetRoleAsync(anna.Actor, ben.UserId, ConsoleRole.Operator, default),
                    () => People.ResetAsync(anna.Actor, ben.UserId, default),
                    () => Sessions.EndAsync(anna.Actor, ben.Id, default),
                    () => Sessions.EndAsync(ben.Actor, ben.Id, default),
                    () => People.SetDisabledAsync(anna.Actor, ben.UserId, disabled: true, default),
                ]
        )
        {
            ben = (await SignIn.WithPasswordAsync("ben", Password, s_visit, default)).Session!;
            Assert.NotNull(await Sessions.FindAsync(ben.Id, default));
            await end();
            Assert.Null(await Sessions.FindAsync(ben.Id, default));
        }
        Assert.Equal(SignInAnswer.Refused, await SignIn.WithPasswordAsync("ben", Password, s_visit, default));
        await People.SetDisabledAsync(anna.Actor, ben.UserId, disabled: false, default);
        Assert.NotNull((await SignIn.WithPasswordAsync("ben", Password, s_visit, default)).Session);

        Assert.NotNull(await Sessions.FindAsync(anna.Id, default));
        _clock.Advance(TimeSpan.FromHours(13));
        Assert.Null(await Sessions.FindAsync(anna.Id, default));
    }

    [Fact]
    public async Task A_changed_password_ends_the_other_sessions_alone()
    {
        OpenSession here = await PersonAsync("ben", ConsoleRole.Viewer);
        OpenSession there = (await SignIn.WithPasswordAsync("ben", Password, s_visit, default)).Session!;
        OwnAccount own = _service.Get<OwnAccount>();
        await RefusedAsync(
            ConsoleRefusals.PasswordRefusedError,
            () => own.ChangePasswordAsync(here, "a wrong password", "seven green umbrellas", default)
        );
        Assert.NotNull(await Sessions.FindAsync(there.Id, default));
        await own.ChangePasswordAsync(here, Password, "seven green umbrellas", default);
        Assert.NotNull(await Sessions.FindAsync(here.Id, default));
        Assert.Null(await Sessions.FindAsync(there.Id, default));
        Assert.Null((await SignIn.WithPasswordAsync("ben", Password, s_visit, default)).Session);
    }

    [Fact]
    public async Task Nobody_ends_the_session_of_somebody_else_but_an_admin()
    {
        OpenSession ben = await PersonAsync("ben", ConsoleRole.Approver),
            carol = await PersonAsync("carol", ConsoleRole.Approver);
        await RefusedAsync(ConsoleRefusals.NotFoundError, () => Sessions.EndAsync(ben.Actor, carol.Id, default));
        Assert.NotNull(await Sessions.FindAsync(carol.Id, default));
        Assert.Equal(
            ["ben"],
            (await Sessions.ListAsync(ben.Actor, userId: null, default)).Select(session => session.UserName)
        );
    }

    [Fact]
    public async Task The_last_admin_stays()
    {
        OpenSession anna = await PersonAsync("anna", ConsoleRole.Admin);
        foreach (
            Func<Task> end in (Func<Task>[])
                [
                    () => People.SetRoleAsync(anna.Actor, anna.UserId, ConsoleRole.Approver, default),
                    () => People.SetDisabledAsync(anna.Actor, anna.UserId, disabled: true, default),
                    () => People.RemoveAsync(anna.Actor, anna.UserId, default),
                ]
        )
            await RefusedAsync(ConsoleRefusals.LastConsoleAdminError, end);
        // Somebody who has not accepted the invitation is no second admin.
        await People.InviteAsync(anna.Actor, "ben", ConsoleRole.Admin, default);
        await RefusedAsync(
            ConsoleRefusals.LastConsoleAdminError,
            () => People.RemoveAsync(anna.Actor, anna.UserId, default)
        );
        await PersonAsync("carol", ConsoleRole.Admin);
        await People.RemoveAsync(anna.Actor, anna.UserId, default);
        Assert.Null(await Sessions.FindAsync(anna.Id, default));
    }

    [Fact]
    public async Task Of_two_admins_who_demote_each_other_at_once_one_stays()
    {
        OpenSession anna = await PersonAsync("anna", ConsoleRole.Admin),
            ben = await PersonAsync("ben", ConsoleRole.Admin);
        Task[] both =
        [
            People.SetRoleAsync(anna.Actor, ben.UserId, ConsoleRole.Viewer, default),
            People.SetRoleAsync(ben.Actor, anna.UserId, ConsoleRole.Viewer, default),
        ];
        await Assert.ThrowsAsync<RefusedException>(() => Task.WhenAll(both));
        Assert.Equal(1, both.Count(one => one.IsFaulted));
        Assert.True(await _service.Get<OneTimeLinks>().IsThereAnAdminAsync(default));
    }

    [Fact]
    public async Task The_admin_of_a_demonstration_exists_only_there()
    {
        Demonstration demonstration = _service.Get<Demonstration>();
        OneTimeLinks links = _service.Get<OneTimeLinks>();
        Assert.Null(await demonstration.StartAsync(isNewDatabase: false, default));
        string first = (await demonstration.StartAsync(isNewDatabase: true, default))!,
            second = (await demonstration.StartAsync(isNewDatabase: false, default))!;
        await RefusedAsync(ConsoleRefusals.LinkInvalidError, () => links.SignInToDemoAsync(first, s_visit, default));
        OpenSession session = await links.SignInToDemoAsync(second, s_visit, default);
        await RefusedAsync(ConsoleRefusals.LinkInvalidError, () => links.SignInToDemoAsync(second, s_visit, default));
        await demonstration.EndAsync(default);
        Assert.Null(await Sessions.FindAsync(session.Id, default));
        Assert.False(await links.IsThereAnAdminAsync(default));
    }

    [Theory]
    [InlineData("password1234")]
    [InlineData("Passwort!123")]
    [InlineData("P@$$word2026")]
    [InlineData("aaaaaaaaaaaa")]
    [InlineData("abcabcabcabc")]
    [InlineData("123456789012")]
    [InlineData("qwertyuiop12")]
    [InlineData("benjaminbenjamin")]
    [InlineData("benjamin12345")]
    [InlineData("correcthorsebatterystaple")]
    [InlineData("Welcome2026!!")]
    public void What_is_guessed_first_is_no_password(string password) =>
        Assert.NotNull(CommonPasswords.ProblemOf(password, "benjamin"));

    [Theory]
    [InlineData(Password)]
    [InlineData("seven green umbrellas")]
    [InlineData("xK4-pq9.zW2_hh")]
    public void Other_passwords_are_taken(string password) =>
        Assert.Null(CommonPasswords.ProblemOf(password, "benjamin"));

    /// <summary>A person who has accepted an invitation, and is signed in.</summary>
    private Task<OpenSession> PersonAsync(string name, ConsoleRole role) => PersonAsync(_service, name, role);

    internal static async Task<OpenSession> PersonAsync(Service service, string name, ConsoleRole role)
    {
        string link = await service
            .Get<PeopleAdministration>()
            .InviteAsync(Actor.CommandLine, name, role, CancellationToken.None);
        return await service.Get<OneTimeLinks>().ChoosePasswordAsync(link, Password, s_visit, CancellationToken.None);
    }

    internal static async Task RefusedAsync(string error, Func<Task> command) =>
        Assert.Equal(error, (await Assert.ThrowsAsync<RefusedException>(command)).Refusal.Error);

    private async Task<IReadOnlyList<AuditEntry>> AuditAsync(string action)
    {
        await using MlsDbContext context = _service.Get<Database>().Read();
        return await context.Set<AuditEntry>().Where(entry => entry.Action == action).ToListAsync();
    }
}
