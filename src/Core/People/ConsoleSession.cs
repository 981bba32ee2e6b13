using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.ConsoleUsers;

namespace MlsConsole.Core.People;

/// <summary>A session of a person: what one browser has from signing in until signing out.</summary>
internal sealed class ConsoleSession
{
    /// <summary>128 random bits in hexadecimal; the encrypted cookie has it as the claim <c>sid</c>.</summary>
    public required string Id { get; init; }
    public required string UserId { get; init; }

    /// <summary>
    /// The person's security stamp. Whatever must end all sessions of a person gives the person another stamp: another
    /// role, another password, a reset.
    /// </summary>
    public required string Stamp { get; set; }

    /// <summary>How the person signed in.</summary>
    public required SignInWay Way { get; init; }

    /// <summary>What the browser says of itself, at most <see cref="Visit.MaxDeviceLength"/> characters.</summary>
    public required string Device { get; init; }
    public required string Address { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset LastSeenAt { get; set; }
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>When the person signed out, or the session was revoked; null if neither.</summary>
    public DateTimeOffset? EndedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<ConsoleSession>
    {
        public void Configure(EntityTypeBuilder<ConsoleSession> builder)
        {
            builder.ToTable("console_sessions");
            builder.HasKey(session => session.Id);
            builder.Property(session => session.Way).HasConversion<string>();
            builder.HasIndex(session => session.UserId);
            builder
                .HasOne<ConsoleUser>()
                .WithMany()
                .HasForeignKey(session => session.UserId)
                .OnDelete(DeleteBehavior.Cascade);
        }
    }
}

/// <summary>How a person signed in.</summary>
public enum SignInWay
{
    Password,
    PasswordAndCode,
    PasswordAndRecoveryCode,
    Passkey,
    OpenIdConnect,
    Link,
}

/// <summary>From where a person signs in.</summary>
/// <param name="Device">What the browser says of itself; it is cut to <see cref="MaxDeviceLength"/>.</param>
/// <param name="Address">The address of the client.</param>
public sealed record Visit(string Device, string Address)
{
    public const int MaxDeviceLength = 200;

    internal string ShortDevice => Device.Length <= MaxDeviceLength ? Device : Device[..MaxDeviceLength];
}
