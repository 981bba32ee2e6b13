using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Events;

/// <summary>A ticket that was made for an account.</summary>
/// <param name="Ticket">The ticket, in base64url; it opens one connection.</param>
/// <param name="ExpiresAt">When the ticket expires: one minute after it was made.</param>
public sealed record SubscriptionTicketResult(string Ticket, DateTimeOffset ExpiresAt);

/// <summary>
/// The tickets with which accounts open event streams (delivery-service §12.2). A ticket is good on every host of the
/// database and is used up by the connection that it opens. Only the hashes of tickets are stored.
/// </summary>
public sealed class SubscriptionTickets
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromMinutes(1);

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal SubscriptionTickets(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>Makes a ticket for the caller, and deletes the tickets of all accounts that have expired.</summary>
    /// <exception cref="RefusedException">Unauthorized: the caller is banned from the service.</exception>
    public Task<SubscriptionTicketResult> IssueAsync(
        Caller caller,
        string? idempotencyKey,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(caller, MethodNames.GetSubscriptionTicket, null, idempotencyKey);
        return _calls.RunAsync(
            call,
            async context =>
            {
                await context.RequireNotBannedAsync(caller, CancellationToken.None);
                var now = _clock.GetUtcNow();
                string ticket = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
                await context.Set<SubscriptionTicket>().Where(row => row.ExpiresAt < now).ExecuteDeleteAsync();
                context.Add(
                    new SubscriptionTicket
                    {
                        Hash = HashOf(ticket),
                        Did = caller.Did.Value,
                        ExpiresAt = now + s_lifetime,
                    }
                );
                return new CallResult<SubscriptionTicketResult>(new(ticket, now + s_lifetime));
            },
            cancellation
        );
    }

    /// <summary>Uses a ticket up.</summary>
    /// <returns>
    /// The DID of the account that the ticket was made for; null if there is no such ticket, the ticket was used or has
    /// expired, or the account is banned from the service.
    /// </returns>
    public async Task<string?> TryUseAsync(string ticket, CancellationToken cancellation)
    {
        byte[] hash = HashOf(ticket);
        var now = _clock.GetUtcNow();
        await using (var context = _database.Read())
        {
            // The ticket is looked for by a read first, so that whoever guesses tickets does not take the writer's
            // time.
            if (
                !await context
                    .Set<SubscriptionTicket>()
                    .AnyAsync(row => row.Hash == hash && row.ExpiresAt >= now, cancellation)
            )
                return null;
        }
        return await _database.WriteAsync(
            async context =>
            {
                var bans = context.Set<Ban>().Where(ban => ban.ConvoId == Ban.FromService);
                string? did = await context
                    .Set<SubscriptionTicket>()
                    .Where(row => row.Hash == hash && row.ExpiresAt >= now && !bans.Any(ban => ban.Did == row.Did))
                    .Select(row => row.Did)
                    .FirstOrDefaultAsync();
                return await context.Set<SubscriptionTicket>().Where(row => row.Hash == hash).ExecuteDeleteAsync() == 1
                    ? did
                    : null;
            },
            cancellation
        );
    }

    private static byte[] HashOf(string ticket) => SHA256.HashData(Encoding.UTF8.GetBytes(ticket));
}
