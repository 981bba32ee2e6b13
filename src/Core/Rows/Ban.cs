using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

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

    /// <summary>In a list of statements, after what it is about: if the account is banned, a constraint breaks.</summary>
    public static void Forbid(Statements statements, string did, string convoId) =>
        statements.Add(
            $"INSERT INTO bans (did, convo_id, created_at) SELECT did, convo_id, created_at FROM bans WHERE did = {did} AND convo_id IN ({FromService}, {convoId})"
        );
}
