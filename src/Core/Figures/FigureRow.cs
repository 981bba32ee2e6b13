using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Figures;

/// <summary>
/// What one writer counted of one cohort in one step of time. The steps of five seconds are written by the hosts; those
/// of a minute and of an hour are sums of them, made by <see cref="FigureRollUp"/>. The rows that are not rolled up, of
/// all lengths together, count everything exactly once.
/// </summary>
internal sealed class FigureRow
{
    public long Id { get; init; }

    /// <summary>
    /// Who counted: the id of a host's run (<see cref="HostIdentity.Id"/>), the same with
    /// <see cref="Episodes"/> for what it judged, or nothing for a sum. A writer's rows appear in the order of their
    /// ids, because each writer writes one transaction after the other.
    /// </summary>
    public required string Writer { get; init; }

    /// <summary>The length of the step in seconds: 5, 60 or 3600.</summary>
    public required int Width { get; init; }

    /// <summary>When the step begins, in seconds since 1970.</summary>
    public required long StartsAt { get; init; }
    public required Cohort Cohort { get; init; }
    public required string Counts { get; set; }
    public required string Outcomes { get; set; }
    public required byte[] Latency { get; set; }

    /// <summary>Whether the row is in the sum of the next greater length.</summary>
    public bool RolledUp { get; set; }

    /// <summary>The end of the name of the writer that writes the rejoin episodes which a host judged.</summary>
    public const string Episodes = "/episodes";

    public static FigureRow Of(string writer, FigureStep step) =>
        new()
        {
            Writer = writer,
            Width = FigureStep.Seconds,
            StartsAt = step.Number * FigureStep.Seconds,
            Cohort = step.Cohort,
            Counts = step.Counts.EncodeCounts(),
            Outcomes = step.Counts.EncodeOutcomes(),
            Latency = step.Counts.EncodeLatency(),
        };

    public FigureCounts Decode() => FigureCounts.Decode(Counts, Outcomes, Latency);

    public void Encode(FigureCounts counts) =>
        (Counts, Outcomes, Latency) = (counts.EncodeCounts(), counts.EncodeOutcomes(), counts.EncodeLatency());

    internal sealed class Table : IEntityTypeConfiguration<FigureRow>
    {
        public void Configure(EntityTypeBuilder<FigureRow> builder)
        {
            builder.ToTable("figures");
            builder.HasKey(row => row.Id);
            builder.Property(row => row.Id).ValueGeneratedOnAdd();
            // As a word, because a number would change its meaning when the enumeration changes.
            builder.Property(row => row.Cohort).HasConversion<string>();
            builder
                .HasIndex(row => new
                {
                    row.Writer,
                    row.Width,
                    row.StartsAt,
                    row.Cohort,
                })
                .IsUnique();
            builder.HasIndex(row => new { row.Writer, row.Id });
            builder.HasIndex(row => new { row.Width, row.StartsAt });
            builder.HasIndex(row => new { row.Width, row.Id }, "ix_figures_not_rolled_up").HasFilter("NOT rolled_up");
        }
    }
}
