using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>A ban: the account may not come back into the conversation, whatever its state in the roster is.</summary>
internal sealed class Ban
{
    /// <summary>The <see cref="ConvoId"/> of a ban from the whole service.</summary>
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

    /// <summary>
    /// Makes a list of statements fail if the account is banned from the conversation or from the service: the
    /// statement that is added then inserts the ban a second time, which breaks the primary key. It stands in the list
    /// after the statements that the ban has to prevent.
    /// </summary>
    public static void BreakIfBanned(Statements statements, string did, string convoId) =>
        statements.Add(
            $"""
            INSERT INTO bans (did, convo_id, created_at)
            SELECT did, convo_id, created_at FROM bans WHERE did = {did} AND convo_id IN ({FromService}, {convoId})
            """
        );
}
