using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.People;

/// <summary>What a one-time link is for.</summary>
public enum LinkPurpose
{
    /// <summary>Makes the first admin; it works only as long as there is none.</summary>
    FirstAdmin,

    /// <summary>Makes another admin, also while the others are locked out.</summary>
    Admin,

    /// <summary>Lets an invited person choose a password.</summary>
    Invitation,

    /// <summary>Lets a person choose another password, and takes the authenticator off.</summary>
    Reset,

    /// <summary>Signs in as the admin of the demonstration.</summary>
    Demo,
}

/// <summary>A link that works once. The database has only the hash of its token.</summary>
internal sealed class OneTimeLink
{
    /// <summary>SHA-256 of the token, in hexadecimal.</summary>
    public required string Hash { get; init; }
    public required LinkPurpose Purpose { get; init; }

    /// <summary>Whom the link is for; null if it makes a new person.</summary>
    public string? UserId { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<OneTimeLink>
    {
        public void Configure(EntityTypeBuilder<OneTimeLink> builder)
        {
            builder.ToTable("console_links");
            builder.HasKey(link => link.Hash);
            builder.Property(link => link.Purpose).HasConversion<string>();
            builder.HasIndex(link => link.UserId);
        }
    }
}
