using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Identity;

/// <summary>
/// Remembers used tokens until they expire, by the pair of issuer and jti. They are remembered in the database, so that
/// a restart or a second host forgets none.
/// </summary>
public sealed class TokenReplay(Database database, TimeProvider clock)
{
    private long _nextPurge;

    /// <summary>Uses a token up, so that it is accepted once.</summary>
    /// <returns>False if the token was used before.</returns>
    public async Task<bool> TryUseAsync(
        string issuer,
        string jti,
        DateTimeOffset expires,
        CancellationToken cancellation = default
    )
    {
        long expiry = expires.ToUnixTimeMilliseconds(),
            now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        if (now > Interlocked.Read(ref _nextPurge))
        {
            Interlocked.Exchange(ref _nextPurge, now + 60_000);
            await database.WriteAsync(
                context =>
                    context.Database.ExecuteSqlAsync($"DELETE FROM used_tokens WHERE expires_at < {now - 60_000}"),
                cancellation
            );
        }
        return await database.WriteAsync(
            $"""
            INSERT INTO used_tokens (issuer, jti, expires_at) VALUES ({issuer}, {jti}, {expiry})
            ON CONFLICT DO NOTHING RETURNING expires_at AS "Value"
            """,
            cancellation
        )
            is not null;
    }

    internal sealed class UsedToken
    {
        public required string Issuer { get; init; }
        public required string Jti { get; init; }
        public DateTimeOffset ExpiresAt { get; init; }

        internal sealed class Table : IEntityTypeConfiguration<UsedToken>
        {
            public void Configure(EntityTypeBuilder<UsedToken> builder)
            {
                builder.ToTable("used_tokens");
                builder.HasKey(token => new { token.Issuer, token.Jti });
                builder.HasIndex(token => token.ExpiresAt);
            }
        }
    }
}
