using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Calls;

/// <summary>The answer to a call that succeeded, kept for retries under the same idempotency key.</summary>
internal sealed class StoredAnswer
{
    /// <summary>The account that called.</summary>
    public required string Caller { get; init; }
    public required string Method { get; init; }
    public required string Key { get; init; }

    /// <summary>SHA-256 over the parts of the request.</summary>
    public required byte[] RequestHash { get; init; }

    /// <summary>The answer as JSON.</summary>
    public required byte[] Content { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>
    /// The sequence number in the answer. The content lacks it, since the number is known in the transaction alone.
    /// </summary>
    public long? Seq { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<StoredAnswer>
    {
        public void Configure(EntityTypeBuilder<StoredAnswer> builder)
        {
            builder.ToTable("idempotency");
            builder.HasKey(answer => new
            {
                answer.Caller,
                answer.Method,
                answer.Key,
            });
            builder.HasIndex(answer => answer.CreatedAt);
        }
    }
}
