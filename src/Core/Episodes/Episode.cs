using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Episodes;

/// <summary>How a rejoin episode ended.</summary>
public enum EpisodeOutcome
{
    Accepted,
    Failed,
}

/// <summary>
/// A rejoin episode: an account's first judged attempt in a conversation up to its acceptance or failure. The episodes
/// that count are the samples by which a rollout is judged.
/// </summary>
internal sealed class Episode
{
    public long Id { get; init; }

    /// <summary>
    /// The first 16 bytes of SHA-256 over the account's DID. They make the row small; they do not hide the account,
    /// whose DID is in the audit log.
    /// </summary>
    public required byte[] Account { get; init; }
    public required string ConvoId { get; init; }
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The stage and the cohort that the account was in when the episode started.</summary>
    public required long Stage { get; init; }
    public required Cohort Cohort { get; init; }

    /// <summary>Whether the episode is a sample, which is decided when it starts.</summary>
    public required bool Counts { get; init; }

    /// <summary>Whether the first attempt ended with EpochMismatch.</summary>
    public required bool Mismatched { get; init; }
    public int Attempts { get; set; }

    /// <summary>The latency of the slowest attempt.</summary>
    public int SlowestMilliseconds { get; set; }
    public DateTimeOffset LastAt { get; set; }

    /// <summary>How the episode ended; null while it runs.</summary>
    public EpisodeOutcome? Outcome { get; set; }
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Whether the device came back, or tried to, by the help of a member after all.</summary>
    public bool FellBack { get; set; }

    public static byte[] HashOf(string did) => SHA256.HashData(Encoding.UTF8.GetBytes(did))[..16];

    internal sealed class Table : IEntityTypeConfiguration<Episode>
    {
        public void Configure(EntityTypeBuilder<Episode> builder)
        {
            builder.ToTable("rejoin_episodes");
            builder.HasKey(row => row.Id);
            builder.Property(row => row.Id).ValueGeneratedOnAdd();
            builder.Property(row => row.Outcome).HasConversion<string>();
            builder.Property(row => row.Cohort).HasConversion<string>();
            builder
                .HasIndex(row => new
                {
                    row.Account,
                    row.ConvoId,
                    row.StartedAt,
                })
                .IsUnique();
            builder.HasIndex(row => new { row.ConvoId, row.StartedAt });
            builder.HasIndex(row => row.StartedAt);
            builder.HasIndex(row => row.LastAt, "ix_rejoin_episodes_open").HasFilter("outcome IS NULL");
        }
    }
}
