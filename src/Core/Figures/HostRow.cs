using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Figures;

/// <summary>A run of a host, which says every five seconds that it is there when it writes its figures.</summary>
internal sealed class HostRow
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required DateTimeOffset StartedAt { get; init; }
    public required DateTimeOffset SeenAt { get; set; }

    /// <summary>When the host stopped and had written all figures; null while it runs, and after a kill.</summary>
    public DateTimeOffset? StoppedAt { get; set; }

    internal sealed class Table : IEntityTypeConfiguration<HostRow>
    {
        public void Configure(EntityTypeBuilder<HostRow> builder)
        {
            builder.ToTable("hosts");
            builder.HasKey(row => row.Id);
            builder.HasIndex(row => row.SeenAt);
        }
    }
}
