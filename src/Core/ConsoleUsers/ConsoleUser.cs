using Microsoft.AspNetCore.Identity;

namespace MlsConsole.Core.ConsoleUsers;

/// <summary>A person who may sign in to the console.</summary>
public sealed class ConsoleUser : IdentityUser
{
    public const int MaxNameLength = 64;

    /// <summary>
    /// The actor's name in the audit log, and what the person types to sign in: letters, digits and <c>-._@+</c>.
    /// </summary>
    public override string? UserName { get; set; }

    public ConsoleRole Role { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset? LastSignInAt { get; set; }

    /// <summary>Since when the person may not sign in because an admin has said so; null if the person may.</summary>
    public DateTimeOffset? DisabledAt { get; set; }

    /// <summary>
    /// Whether this is the admin of a demonstration, who signs in by a printed link alone. Only a host that was started
    /// as a demonstration on a new database makes one, so such a user also marks the database as a demonstration's.
    /// </summary>
    public bool IsDemo { get; set; }

    /// <summary>The code of the authenticator that was accepted last: it is not accepted again.</summary>
    public string? LastCode { get; set; }
}
