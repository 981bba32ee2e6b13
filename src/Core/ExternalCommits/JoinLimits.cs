using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core;

/// <summary>How many external commits of an hour are taken. They are counted from what all hosts have stored; only who may join is asked.</summary>
internal static class JoinLimits
{
    /// <summary>Which audit entries count as refused; the condition of their index too.</summary>
    public const string RefusedFilter = "action = 'processExternalCommit' AND outcome NOT IN ('accepted', 'Unauthorized', 'ExternalCommitsDisabled')";

    private static readonly TimeSpan s_window = TimeSpan.FromHours(1);

    private static readonly CompiledQuery<Func<MlsDbContext, string, long, DateTimeOffset, int, IAsyncEnumerable<DateTimeOffset>>> s_joins = new(() => EF.CompileAsyncQuery((MlsDbContext context, string convoId, long device, DateTimeOffset since, int before) =>
        context.Set<LogEntry>().Where(row => row.ConvoId == convoId && row.JoinedBy == device && row.CreatedAt > since).OrderByDescending(row => row.CreatedAt).Skip(before).Select(row => row.CreatedAt).Take(1)));

    // In the words of the filter: SQLite takes an index of some rows only for a condition that it recognises.
    private static readonly CompiledQuery<Func<MlsDbContext, string, string, DateTimeOffset, int, IAsyncEnumerable<DateTimeOffset>>> s_refused = new(() => EF.CompileAsyncQuery((MlsDbContext context, string did, string convoId, DateTimeOffset since, int before) =>
        context.Set<AuditEntry>().Where(entry => entry.Actor == did && entry.Subject == convoId && entry.At > since
            && entry.Action == "processExternalCommit" && !new[] { "accepted", "Unauthorized", "ExternalCommitsDisabled" }.Contains(entry.Outcome))
            .OrderByDescending(entry => entry.At).Skip(before).Select(entry => entry.At).Take(1)));

    /// <summary>Accepted external commits of a device in a conversation.</summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public static async Task RequireAsync(MlsDbContext context, string convoId, Device joiner, int limit, DateTimeOffset now)
    {
        var since = now - s_window;
        await foreach (var at in s_joins.For(context)(context, convoId, joiner.Id, since, limit - 1)) throw Refusal.RateLimitExceeded("accepted-external-commits", at - since).AsException();
    }

    /// <summary>Attempts of an account in a conversation that were refused for what was sent: not those of one who might not at the time.</summary>
    /// <exception cref="RefusedException">RateLimitExceeded</exception>
    public static async Task RequireFewRefusedAsync(MlsDbContext context, Attempt attempt, int limit, DateTimeOffset now)
    {
        var since = now - s_window;
        await foreach (var at in s_refused.For(context)(context, attempt.Caller.Did.Value, attempt.Subject!, since, limit - 1)) throw Refusal.RateLimitExceeded("refused-external-commits", at - since).AsException();
    }
}
