using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.People;

/// <summary>
/// A token by which a script calls the console's HTTP API. The database has only its hash. (The tokens of AT Protocol
/// by which apps call the service are service tokens; the two have nothing in common.)
/// </summary>
internal sealed class ApiToken
{
    public required string Id { get; init; }

    /// <summary>The name that the admin gave it; the audit log has it as <c>token:NAME</c>.</summary>
    public required string Name { get; init; }
    public required ConsoleRole Role { get; init; }

    /// <summary>SHA-256 of the token, in hexadecimal.</summary>
    public required string Hash { get; init; }
    public required string CreatedBy { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset ExpiresAt { get; init; }
    public DateTimeOffset? RevokedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<ApiToken>
    {
        public void Configure(EntityTypeBuilder<ApiToken> builder)
        {
            builder.ToTable("console_api_tokens");
            builder.HasKey(token => token.Id);
            builder.Property(token => token.Role).HasConversion<string>();
            builder.HasIndex(token => token.Hash).IsUnique();
            builder.HasIndex(token => token.Name).IsUnique();
        }
    }
}
