using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.ExternalSenders;

/// <summary>
/// A signature key of the service. One key of each signature scheme is current. A retired key is kept as long as a
/// group lists it.
/// </summary>
internal sealed class SignatureKey
{
    public long Id { get; init; }

    /// <summary>The SignatureScheme of TLS (RFC 8446 §4.2.3), as the cipher suites of RFC 9420 name it.</summary>
    public int SignatureScheme { get; init; }
    public required byte[] PublicKey { get; init; }

    /// <summary>The private key, encrypted by the key ring that the hosts share.</summary>
    public required byte[] ProtectedPrivateKey { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the key was retired; null for a current key.</summary>
    public DateTimeOffset? RetiredAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<SignatureKey>
    {
        public void Configure(EntityTypeBuilder<SignatureKey> builder)
        {
            builder.ToTable("signature_keys");
            builder.HasKey(key => key.Id);
            builder.HasIndex(key => key.PublicKey).IsUnique();
            builder
                .HasIndex(key => key.SignatureScheme)
                .IsUnique()
                .HasFilter("retired_at IS NULL")
                .HasDatabaseName("ix_signature_keys_of_the_current");
            builder
                .HasMany<Conversation>()
                .WithOne()
                .HasForeignKey(conversation => conversation.SignatureKeyId)
                .HasConstraintName("fk_conversations_signature_key_signature_key_id");
        }
    }
}
