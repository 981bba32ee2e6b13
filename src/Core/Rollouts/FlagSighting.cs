using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core.Rollouts;

/// <summary>A host has taken a version of the flag over.</summary>
internal sealed class FlagSighting
{
    public required long Version { get; init; }

    /// <summary>The run of the host, and the host's name.</summary>
    public required string HostId { get; init; }
    public required string HostName { get; init; }

    /// <summary>When the host took the version over, by its own clock.</summary>
    public required DateTimeOffset SeenAt { get; init; }

    /// <summary>
    /// The milliseconds from the change to then; null if the host found the version when it started.
    /// </summary>
    public required long? DelayMilliseconds { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<FlagSighting>
    {
        public void Configure(EntityTypeBuilder<FlagSighting> builder)
        {
            builder.ToTable("flag_sightings");
            builder.HasKey(row => new { row.Version, row.HostId });
        }
    }
}
