using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace MlsConsole.Core;

/// <summary>An account that may not come back, whatever its state in the roster.</summary>
internal sealed class Ban
{
    /// <summary>The conversation of a ban from the whole service.</summary>
    public const string FromService = "";

    public required string Did { get; init; }
    public required string ConvoId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    internal sealed class Table : IEntityTypeConfiguration<Ban>
    {
        public void Configure(EntityTypeBuilder<Ban> builder)
        {
            builder.ToTable("bans");
            builder.HasKey(ban => new { ban.Did, ban.ConvoId });
        }
    }
}
