using Microsoft.AspNetCore.Identity;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>A passkey as its owner sees it.</summary>
/// <param name="Id">The credential's id, base64url.</param>
public sealed record PasskeyView(string Id, string Name, DateTimeOffset CreatedAt);

/// <summary>A person's own ways to sign in.</summary>
public sealed record OwnAccountView(
    string UserName,
    ConsoleRole Role,
    bool HasPassword,
    bool HasAuthenticator,
    int RecoveryCodes,
    IReadOnlyList<PasskeyView> Passkeys
);

/// <summary>
/// What people change about themselves: password, authenticator (TOTP, RFC 6238), recovery codes, passkeys. Each change
/// of a secret ends the person's other sessions.
/// </summary>
public sealed class OwnAccount
{
    public const int MaxPasskeys = 10,
        RecoveryCodes = 10;

    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly SignIn _signIn;

    internal OwnAccount(Database database, PeopleWriter writer, SignIn signIn) =>
        (_database, _writer, _signIn) = (database, writer, signIn);

    public async Task<OwnAccountView?> ViewAsync(string userId)
    {
        await using MlsDbContext context = _database.Read();
        UserManager<ConsoleUser> users = UserManagers.Over(context);
        if (await users.FindByIdAsync(userId) is not { } user)
            return null;
        return new(
            user.UserName!,
            user.Role,
            HasPassword: user.PasswordHash is not null,
            user.TwoFactorEnabled,
            await users.CountRecoveryCodesAsync(user),
            [
                .. (await users.GetPasskeysAsync(user))
                    .OrderBy(passkey => passkey.CreatedAt)
                    .Select(passkey => new PasskeyView(
                        System.Buffers.Text.Base64Url.EncodeToString(passkey.CredentialId),
                        passkey.Name ?? "Passkey",
                        passkey.CreatedAt
                    )),
            ]
        );
    }

    /// <exception cref="RefusedException">
    /// PasswordRefused: the present one is wrong, or the new one is weak.
    /// </exception>
    public async Task ChangePasswordAsync(
        OpenSession session,
        string present,
        string wanted,
        CancellationToken cancellation
    )
    {
        ConsoleUser? user;
        await using (MlsDbContext context = _database.Read())
            user = await UserManagers.Over(context).FindByIdAsync(session.UserId);
        bool isRight = await _signIn.CompareAsync(user, present, cancellation) == true;
        bool isRefused = await _writer.WriteAsync(
            async write =>
            {
                ConsoleUser now = await write.PersonAsync(session.UserId);
                if (!isRight || now.PasswordHash != user!.PasswordHash || now.LockoutEnd > write.Now)
                {
                    // Somebody who finds an open console does not get to guess at will.
                    write.CountFailure(now);
                    write.Audit(now.UserName!, "changePassword", now.UserName, ConsoleRefusals.PasswordRefusedError);
                    return true;
                }
                UserManagers.Require(await write.Users.RemovePasswordAsync(now));
                UserManagers.RequirePassword(await write.Users.AddPasswordAsync(now, wanted));
                await write.EndSessionsAsync(now, except: session.Id);
                write.Audit(now.UserName!, "changePassword", now.UserName);
                return false;
            },
            cancellation
        );
        if (isRefused)
            throw ConsoleRefusals.PasswordRefused("The present password is wrong.").AsException();
    }

    /// <summary>
    /// Begins to set up an authenticator: its secret is new, and counts only when a code confirms it.
    /// </summary>
    /// <returns>The secret in base32 (RFC 4648), as authenticators take it.</returns>
    /// <exception cref="RefusedException">InvalidRequest: there is an authenticator already.</exception>
    public Task<string> BeginAuthenticatorAsync(OpenSession session, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(session.UserId);
                if (user.TwoFactorEnabled)
                    throw Refusal.InvalidRequest("Take the present authenticator off first.").AsException();
                UserManagers.Require(await write.Users.ResetAuthenticatorKeyAsync(user));
                await write.KeepSessionAsync(user, session.Id);
                return (await write.Users.GetAuthenticatorKeyAsync(user))!;
            },
            cancellation
        );

    /// <summary>The secret of an authenticator that is being set up.</summary>
    /// <returns>Null if none is.</returns>
    public async Task<string?> PendingAuthenticatorAsync(string userId)
    {
        await using MlsDbContext context = _database.Read();
        UserManager<ConsoleUser> users = UserManagers.Over(context);
        return await users.FindByIdAsync(userId) is { TwoFactorEnabled: false } user
            ? await users.GetAuthenticatorKeyAsync(user)
            : null;
    }

    /// <summary>Confirms the authenticator by a code of it.</summary>
    /// <returns>Recovery codes, each of which stands once for a code of the authenticator.</returns>
    /// <exception cref="RefusedException">CodeRefused.</exception>
    public Task<IReadOnlyList<string>> ConfirmAuthenticatorAsync(
        OpenSession session,
        string code,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync<IReadOnlyList<string>>(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(session.UserId);
                if (user.TwoFactorEnabled || !await SignIn.IsFreshCodeAsync(write, user, SignIn.Plain(code)))
                    throw ConsoleRefusals.CodeRefused.AsException();
                UserManagers.Require(await write.Users.SetTwoFactorEnabledAsync(user, true));
                var codes = await write.Users.GenerateNewTwoFactorRecoveryCodesAsync(user, RecoveryCodes);
                await write.EndSessionsAsync(user, except: session.Id);
                write.Audit(user.UserName!, "setUpAuthenticator", user.UserName);
                return [.. codes!];
            },
            cancellation
        );

    /// <summary>Takes the authenticator off.</summary>
    /// <param name="session">The person's session.</param>
    /// <param name="code">A code of the authenticator, or a recovery code.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <exception cref="RefusedException">CodeRefused.</exception>
    public async Task RemoveAuthenticatorAsync(OpenSession session, string code, CancellationToken cancellation)
    {
        bool isRefused = await _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(session.UserId);
                bool isRight =
                    user.LockoutEnd is not { } end || end <= write.Now
                        ? await SignIn.IsFreshCodeAsync(write, user, SignIn.Plain(code))
                            || (await write.Users.RedeemTwoFactorRecoveryCodeAsync(user, code.Trim())).Succeeded
                        : false;
                if (!user.TwoFactorEnabled || !isRight)
                {
                    write.CountFailure(user);
                    return true;
                }
                UserManagers.Require(await write.Users.SetTwoFactorEnabledAsync(user, false));
                await write.EndSessionsAsync(user, except: session.Id);
                write.Audit(user.UserName!, "removeAuthenticator", user.UserName);
                return false;
            },
            cancellation
        );
        if (isRefused)
            throw ConsoleRefusals.CodeRefused.AsException();
    }

    /// <summary>Adds a passkey whose attestation was verified.</summary>
    /// <exception cref="RefusedException">InvalidRequest: the person has as many as there may be.</exception>
    public Task AddPasskeyAsync(
        OpenSession session,
        UserPasskeyInfo passkey,
        string name,
        CancellationToken cancellation
    ) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(session.UserId);
                if ((await write.Users.GetPasskeysAsync(user)).Count >= MaxPasskeys)
                    throw Refusal.InvalidRequest($"A person has at most {MaxPasskeys} passkeys.").AsException();
                name = name.Trim();
                passkey.Name = name.Length is > 0 and <= 60 ? name : "Passkey";
                UserManagers.Require(await write.Users.AddOrUpdatePasskeyAsync(user, passkey));
                await write.EndSessionsAsync(user, except: session.Id);
                write.Audit(user.UserName!, "addPasskey", user.UserName);
                return true;
            },
            cancellation
        );

    /// <summary>Removes a passkey.</summary>
    /// <param name="session">The person's session.</param>
    /// <param name="credentialId">The credential's id, base64url.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <exception cref="RefusedException">
    /// NotFound; or InvalidRequest: it is the person's only way to sign in.
    /// </exception>
    public Task RemovePasskeyAsync(OpenSession session, string credentialId, CancellationToken cancellation) =>
        _writer.WriteAsync(
            async write =>
            {
                ConsoleUser user = await write.PersonAsync(session.UserId);
                UserPasskeyInfo passkey =
                    (await write.Users.GetPasskeysAsync(user)).FirstOrDefault(one =>
                        System.Buffers.Text.Base64Url.EncodeToString(one.CredentialId) == credentialId
                    ) ?? throw ConsoleRefusals.NotFound.AsException();
                if (user.PasswordHash is null && (await write.Users.GetPasskeysAsync(user)).Count == 1)
                    throw Refusal.InvalidRequest("It is your only way to sign in.").AsException();
                UserManagers.Require(await write.Users.RemovePasskeyAsync(user, passkey.CredentialId));
                await write.EndSessionsAsync(user, except: session.Id);
                write.Audit(user.UserName!, "removePasskey", user.UserName);
                return true;
            },
            cancellation
        );
}
