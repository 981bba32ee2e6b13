using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rows;

/// <summary>The questions that several features ask about bans.</summary>
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

    /// <summary>
    /// Refuses an account that is banned from the service. It is for methods that are about no conversation.
    /// </summary>
    /// <exception cref="RefusedException">Unauthorized: the account is banned from the service.</exception>
    public static async Task RequireNotBannedAsync(
        this MlsDbContext context,
        Caller caller,
        CancellationToken cancellation
    )
    {
        if (await context.IsBannedAsync(caller.Did.Value, Ban.FromService, cancellation))
            throw Refusal.Unauthorized(RefusalReasons.Banned).AsException();
    }

    /// <summary>
    /// The roster entries of members, without those of accounts that are banned from the conversation or from the
    /// service.
    /// </summary>
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
