using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using MlsConsole.Core.ConsoleUsers;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>
/// Makes ASP.NET Core Identity's <see cref="UserManager{TUser}"/> over a context of this database, so that what it
/// changes is part of the transaction that has the audit entry.
/// </summary>
public static class UserManagers
{
    /// <summary>So many wrong passwords or codes in a row lock the password of a person.</summary>
    public const int MaxFailures = 5;

    /// <summary>How long a password stays locked. A passkey opens the console all the same.</summary>
    public static readonly TimeSpan LockOut = TimeSpan.FromMinutes(15);

    internal static readonly PasswordHasher<ConsoleUser> Hasher = new();

    private static readonly IOptions<IdentityOptions> s_options = Options.Create(
        new IdentityOptions
        {
            Password = new()
            {
                RequiredLength = CommonPasswords.MinLength,
                RequireDigit = false,
                RequireLowercase = false,
                RequireUppercase = false,
                RequireNonAlphanumeric = false,
                RequiredUniqueChars = 4,
            },
            Tokens = new()
            {
                ProviderMap =
                {
                    [TokenOptions.DefaultAuthenticatorProvider] = new(typeof(AuthenticatorTokenProvider<ConsoleUser>)),
                },
            },
            Stores = new() { SchemaVersion = IdentitySchemaVersions.Version3 },
        }
    );

    private static readonly IServiceProvider s_services = new ServiceCollection()
        .AddSingleton<AuthenticatorTokenProvider<ConsoleUser>>()
        .BuildServiceProvider();

    /// <param name="context">A context for reading, or that of a transaction.</param>
    public static UserManager<ConsoleUser> Over(MlsDbContext context) =>
        new(
            new UserOnlyStore<ConsoleUser, MlsDbContext>(context),
            s_options,
            Hasher,
            [new UserValidator<ConsoleUser>()],
            [new PasswordValidator<ConsoleUser>(), new CommonPasswords()],
            new UpperInvariantLookupNormalizer(),
            new IdentityErrorDescriber(),
            s_services,
            NullLogger<UserManager<ConsoleUser>>.Instance
        );

    /// <exception cref="InvalidOperationException">
    /// Identity refuses what cannot be refused here: a mistake in the code.
    /// </exception>
    internal static void Require(IdentityResult result)
    {
        if (!result.Succeeded)
            throw new InvalidOperationException(string.Join(' ', result.Errors.Select(error => error.Description)));
    }

    /// <exception cref="RefusedException">PasswordRefused: Identity's reasons, in sentences.</exception>
    internal static void RequirePassword(IdentityResult result)
    {
        if (!result.Succeeded)
            throw ConsoleRefusals
                .PasswordRefused(string.Join(' ', result.Errors.Select(error => error.Description)))
                .AsException();
    }
}
