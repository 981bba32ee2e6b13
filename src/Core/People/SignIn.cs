using Microsoft.AspNetCore.Identity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>What came of a sign-in: one of the three.</summary>
/// <param name="Session">The session, if the person is signed in.</param>
/// <param name="UserId">The person who has to give a second factor.</param>
public sealed record SignInAnswer(OpenSession? Session, string? UserId)
{
    /// <summary>
    /// No, whatever the cause: the name, the password or the code is wrong, the password is locked, or the person is
    /// disabled. A stranger learns nothing from it.
    /// </summary>
    public static SignInAnswer Refused { get; } = new(null, null);
}

/// <summary>
/// Signing in. A wrong password or code is counted for its person; too many in a row lock the password for a while, but
/// end no session: otherwise a stranger who knows a name could sign its person out.
/// </summary>
public sealed class SignIn : IDisposable
{
    private const string Action = "signIn",
        Refused = "SignInRefused";

    /// <summary>
    /// The hash that the password of somebody unknown is compared with, so that it costs as much as a known one.
    /// </summary>
    private static readonly string s_nobody = UserManagers.Hasher.HashPassword(new(), Guid.NewGuid().ToString());

    /// <summary>How long a comparison waits for its turn before it counts as wrong.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly Sessions _sessions;
    private readonly AuditTally _tally;

    // A comparison takes a tenth of a second of a processor. However many strangers try at once, the service keeps
    // processors for everybody else.
    private readonly SemaphoreSlim _comparing = new(Math.Max(1, Environment.ProcessorCount / 2));
    private long _comparisons;

    internal SignIn(Database database, PeopleWriter writer, Sessions sessions, AuditTally tally) =>
        (_database, _writer, _sessions, _tally) = (database, writer, sessions, tally);

    /// <summary>How often a password was compared with a hash: once for each sign-in, whoever it is.</summary>
    internal long Comparisons => Interlocked.Read(ref _comparisons);

    /// <summary>Signs in with a password; the answer may ask for a second factor.</summary>
    public async Task<SignInAnswer> WithPasswordAsync(
        string userName,
        string password,
        Visit visit,
        CancellationToken cancellation
    )
    {
        ConsoleUser? user = await FindAsync(userName, cancellation);
        // The hash is compared outside of the transaction, because it takes long on purpose.
        if (await CompareAsync(user, password, cancellation) is not { } isRight)
            return Unknown();
        if (user?.PasswordHash is not { } hash)
            return Unknown();
        return await _writer.WriteAsync(
            async write =>
            {
                ConsoleUser? now = await write.Users.FindByIdAsync(user.Id);
                if (now?.PasswordHash != hash || now.DisabledAt is not null || now.LockoutEnd > write.Now)
                    return Unknown();
                if (!isRight)
                    return Fail(write, now, "password");
                return now.TwoFactorEnabled
                    ? new SignInAnswer(null, now.Id)
                    : Succeed(write, now, SignInWay.Password, visit);
            },
            cancellation
        );
    }

    /// <summary>Signs in with the second factor, after the password.</summary>
    /// <param name="userId">Whose password was right.</param>
    /// <param name="code">A code of the authenticator, or a recovery code.</param>
    /// <param name="visit">From where.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    public Task<SignInAnswer> WithCodeAsync(string userId, string code, Visit visit, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser? user = await write.Users.FindByIdAsync(userId);
                if (user is not { DisabledAt: null, TwoFactorEnabled: true } || user.LockoutEnd > write.Now)
                    return Unknown();
                string plain = Plain(code);
                if (await IsFreshCodeAsync(write, user, plain))
                    return Succeed(write, user, SignInWay.PasswordAndCode, visit);
                if ((await write.Users.RedeemTwoFactorRecoveryCodeAsync(user, code.Trim())).Succeeded)
                    return Succeed(write, user, SignInWay.PasswordAndRecoveryCode, visit);
                return Fail(write, user, "code");
            },
            cancellation
        );

    /// <summary>Signs in with a passkey whose signature was verified.</summary>
    /// <param name="userId">Whose passkey it is.</param>
    /// <param name="passkey">The passkey with its new counter.</param>
    /// <param name="visit">From where.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    public Task<SignInAnswer> WithPasskeyAsync(
        string userId,
        UserPasskeyInfo passkey,
        Visit visit,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                // A lock-out does not count here: a signature cannot be guessed.
                if (
                    await write.Users.FindByIdAsync(userId) is not { DisabledAt: null } user
                    || await write.Users.GetPasskeyAsync(user, passkey.CredentialId) is null
                )
                    return Unknown();
                UserManagers.Require(await write.Users.AddOrUpdatePasskeyAsync(user, passkey));
                return Succeed(write, user, SignInWay.Passkey, visit);
            },
            cancellation
        );

    /// <summary>
    /// Signs in somebody whom an OpenID Connect provider knows. The provider also says the role, each time; another
    /// role ends the person's other sessions.
    /// </summary>
    /// <exception cref="RefusedException">
    /// NameTaken: a person of this console who does not sign in by the provider has the name.
    /// </exception>
    public Task<SignInAnswer> WithProviderAsync(
        string provider,
        string subject,
        string userName,
        ConsoleRole role,
        Visit visit,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser? user = await write.Users.FindByLoginAsync(provider, subject);
                if (user is null)
                {
                    user = await PeopleAdministration.AddAsync(write, userName, role);
                    UserManagers.Require(await write.Users.AddLoginAsync(user, new(provider, subject, provider)));
                    write.Audit(provider, "addPerson", user.UserName);
                }
                if (user.DisabledAt is not null)
                    return Unknown();
                if (user.Role != role)
                {
                    write.Audit(
                        provider,
                        "setRole",
                        user.UserName,
                        details: new AuditDetails().Add("before", user.Role.ToString()).Add("after", role.ToString())
                    );
                    user.Role = role;
                    await write.EndSessionsAsync(user);
                }
                return Succeed(write, user, SignInWay.OpenIdConnect, visit);
            },
            cancellation
        );

    public void Dispose() => _comparing.Dispose();

    /// <summary>Whether the code is the authenticator's, and not the one that was accepted last.</summary>
    internal static async Task<bool> IsFreshCodeAsync(PeopleTransaction write, ConsoleUser user, string code)
    {
        if (
            code == user.LastCode
            || !await write.Users.VerifyTwoFactorTokenAsync(user, TokenOptions.DefaultAuthenticatorProvider, code)
        )
            return false;
        user.LastCode = code;
        return true;
    }

    /// <summary>A code without the spaces and dashes that people type.</summary>
    internal static string Plain(string code) => string.Concat(code.Where(char.IsAsciiLetterOrDigit));

    /// <summary>Whether the password is a person's. It is done for everybody, also for nobody.</summary>
    /// <returns>Null if too many others are being compared.</returns>
    internal async Task<bool?> CompareAsync(ConsoleUser? user, string password, CancellationToken cancellation)
    {
        if (!await _comparing.WaitAsync(s_patience, cancellation))
            return null;
        try
        {
            return Compare(user, password);
        }
        finally
        {
            _comparing.Release();
        }
    }

    private bool Compare(ConsoleUser? user, string password)
    {
        Interlocked.Increment(ref _comparisons);
        bool isPossible = password.Length <= CommonPasswords.MaxLength;
        return UserManagers.Hasher.VerifyHashedPassword(
                user ?? new(),
                user?.PasswordHash ?? s_nobody,
                isPossible ? password : ""
            ) != PasswordVerificationResult.Failed
            && isPossible
            && user is not null;
    }

    private async Task<ConsoleUser?> FindAsync(string userName, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await using MlsDbContext context = _database.Read();
        return userName.Length <= ConsoleUser.MaxNameLength
            ? await UserManagers.Over(context).FindByNameAsync(userName.Trim())
            : null;
    }

    /// <summary>
    /// Refuses what cannot be a failure of a known person. It is counted by the minute, because anybody can cause it.
    /// </summary>
    private SignInAnswer Unknown()
    {
        _tally.Count(AuditEntry.Unauthenticated, Action, Refused, reason: null);
        return SignInAnswer.Refused;
    }

    private static SignInAnswer Fail(PeopleTransaction write, ConsoleUser user, string what)
    {
        // So an attack writes five entries in a quarter of an hour, and no more.
        write.Audit(AuditEntry.Unauthenticated, Action, user.UserName, Refused, what);
        if (write.CountFailure(user))
            write.Audit(AuditEntry.Unauthenticated, "lockPassword", user.UserName);
        return SignInAnswer.Refused;
    }

    private SignInAnswer Succeed(PeopleTransaction write, ConsoleUser user, SignInWay way, Visit visit)
    {
        if (way != SignInWay.Passkey)
            user.AccessFailedCount = 0;
        return new(_sessions.Open(write, user, way, visit), null);
    }
}
