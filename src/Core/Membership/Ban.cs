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

    /// <summary>In a list of statements, after what it is about: if the account is banned, a constraint breaks.</summary>
    public static void Forbid(Statements statements, string did, string convoId) =>
        statements.Add(
            $"INSERT INTO bans (did, convo_id, created_at) SELECT did, convo_id, created_at FROM bans WHERE did = {did} AND convo_id IN ({FromService}, {convoId})"
        );
}

/// <summary>What others ask about bans.</summary>
internal static class BanQueries
{
    private static readonly CompiledQuery<Func<MlsDbContext, string, string, IAsyncEnumerable<string>>> s_bans = new(
        () =>
            EF.CompileAsyncQuery(
                (MlsDbContext context, string did, string convoId) =>
                    context
                        .Set<Ban>()
                        .Where(ban => ban.Did == did && (ban.ConvoId == convoId || ban.ConvoId == Ban.FromService))
                        .Select(ban => ban.ConvoId)
            )
    );

    /// <summary>Whether an account is banned from a conversation, or from the service.</summary>
    public static async Task<bool> IsBannedAsync(
        this MlsDbContext context,
        string did,
        string convoId,
        CancellationToken cancellation
    ) => await s_bans.For(context)(context, did, convoId).AnyAsync(cancellation);

    /// <summary>For methods that are about no conversation.</summary>
    /// <exception cref="RefusedException">Unauthorized</exception>
    public static async Task RequireNotBannedAsync(
        this MlsDbContext context,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (await context.IsBannedAsync(caller.Did.Value, Ban.FromService, cancellation))
            throw Refusal.Unauthorized(nameof(RejoinReason.Banned)).AsException();
    }

    /// <summary>The entries of members, without those whom a ban keeps out.</summary>
    public static IQueryable<RosterEntry> Members(this MlsDbContext context)
    {
        var bans = context.Set<Ban>();
        return context
            .Set<RosterEntry>()
            .Where(entry =>
                entry.State == RosterState.Member
                && !bans.Any(ban =>
                    ban.Did == entry.Did && (ban.ConvoId == entry.ConvoId || ban.ConvoId == Ban.FromService)
                )
            );
    }
}
