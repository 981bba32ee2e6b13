using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.People;
using MlsConsole.Core.Storage;

namespace MlsConsole.Dashboard.People;

/// <summary>
/// The two ceremonies of a passkey (Web Authentication Level 3, §7): it is made, and it signs in. ASP.NET Core Identity
/// checks the signatures. A passkey demands that the authenticator verifies its user, so it stands for both factors.
/// </summary>
/// <param name="database">Has the passkeys.</param>
/// <param name="cookies">Remember the challenge between the two requests of a ceremony.</param>
/// <param name="serverDomain">The domain that passkeys are for; null for the host of the request.</param>
/// <param name="log">Gets why a passkey was refused; the person is told only that it was.</param>
public sealed partial class Passkeys(
    Database database,
    SignInCookies cookies,
    string? serverDomain,
    ILogger<Passkeys> log
)
{
    private const int MaxCredentialLength = 16 * 1024;

    private readonly IOptions<IdentityPasskeyOptions> _options = Options.Create(
        new IdentityPasskeyOptions
        {
            ServerDomain = serverDomain,
            UserVerificationRequirement = "required",
            ResidentKeyRequirement = "required",
            ValidateOrigin = static context =>
                ValueTask.FromResult(
                    !context.CrossOrigin
                        && context.Origin
                            == $"{context.HttpContext.Request.Scheme}://{context.HttpContext.Request.Host}"
                ),
        }
    );

    /// <summary>Begins to make a passkey.</summary>
    /// <returns>The options for <c>navigator.credentials.create</c>, as JSON.</returns>
    public async Task<string> BeginMakingAsync(HttpContext http, OpenSession session)
    {
        await using MlsDbContext context = database.Read();
        var made = await Handler(context)
            .MakeCreationOptionsAsync(
                new()
                {
                    Id = session.UserId,
                    Name = session.UserName,
                    DisplayName = session.UserName,
                },
                http
            );
        cookies.WritePasskey(http, made.AttestationState ?? "");
        return made.CreationOptionsJson;
    }

    /// <returns>The passkey that was made; null if the answer of the authenticator is not in order.</returns>
    public async Task<UserPasskeyInfo?> EndMakingAsync(HttpContext http, OpenSession session, string credential)
    {
        if (cookies.TakePasskey(http) is not { } state || credential.Length is 0 or > MaxCredentialLength)
            return null;
        await using MlsDbContext context = database.Read();
        PasskeyAttestationResult result = await Handler(context)
            .PerformAttestationAsync(
                new()
                {
                    HttpContext = http,
                    CredentialJson = credential,
                    AttestationState = state,
                }
            );
        if (result.Failure is { } failure)
            LogRefused(failure);
        return result.Succeeded && result.UserEntity.Id == session.UserId ? result.Passkey : null;
    }

    /// <summary>Begins to sign in. Whose passkey it will be is open, so the answer tells nothing of anybody.</summary>
    /// <returns>The options for <c>navigator.credentials.get</c>, as JSON.</returns>
    public async Task<string> BeginSigningInAsync(HttpContext http)
    {
        await using MlsDbContext context = database.Read();
        var made = await Handler(context).MakeRequestOptionsAsync(user: null, http);
        cookies.WritePasskey(http, made.AssertionState ?? "");
        return made.RequestOptionsJson;
    }

    /// <returns>Whose passkey has signed, and the passkey; null if the signature is not in order.</returns>
    public async Task<(string UserId, UserPasskeyInfo Passkey)?> EndSigningInAsync(HttpContext http, string credential)
    {
        if (cookies.TakePasskey(http) is not { } state || credential.Length is 0 or > MaxCredentialLength)
            return null;
        await using MlsDbContext context = database.Read();
        PasskeyAssertionResult<ConsoleUser> result = await Handler(context)
            .PerformAssertionAsync(
                new()
                {
                    HttpContext = http,
                    CredentialJson = credential,
                    AssertionState = state,
                }
            );
        if (result.Failure is { } failure)
            LogRefused(failure);
        return result.Succeeded ? (result.User.Id, result.Passkey) : null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "A passkey was refused")]
    private partial void LogRefused(Exception why);

    private PasskeyHandler<ConsoleUser> Handler(MlsDbContext context) => new(UserManagers.Over(context), _options);
}
