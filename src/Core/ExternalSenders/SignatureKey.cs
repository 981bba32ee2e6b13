using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.ExternalSenders;

/// <summary>A signature key of the service. Of each signature scheme one is current; a retired one is kept while a group lists it.</summary>
internal sealed class SignatureKey
{
    public long Id { get; init; }

    /// <summary>TLS SignatureScheme.</summary>
    public int SignatureScheme { get; init; }
    public required byte[] PublicKey { get; init; }

    /// <summary>Encrypted by the key ring of the hosts.</summary>
    public required byte[] ProtectedPrivateKey { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Null for the current one.</summary>
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
