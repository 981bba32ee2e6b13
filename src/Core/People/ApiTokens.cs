using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.People;

/// <summary>An API token as admins see it.</summary>
public sealed record ApiTokenView(
    string Id,
    string Name,
    ConsoleRole Role,
    string CreatedBy,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    bool IsRevoked
);

/// <summary>The tokens by which scripts call the console's HTTP API.</summary>
public sealed class ApiTokens
{
    /// <summary>What every token begins with, so that a scanner of secrets finds a token that got out.</summary>
    public const string Prefix = "mlsc_";

    public const int MaxTokens = 1000,
        MaxNameLength = 60,
        MaxDays = 366;

    private readonly Database _database;
    private readonly PeopleWriter _writer;
    private readonly TimeProvider _clock;

    internal ApiTokens(Database database, PeopleWriter writer, TimeProvider clock) =>
        (_database, _writer, _clock) = (database, writer, clock);

    /// <exception cref="RefusedException">Forbidden.</exception>
    public async Task<IReadOnlyList<ApiTokenView>> ListAsync(Actor actor, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        await using MlsDbContext context = _database.Read();
        return await context
            .Set<ApiToken>()
            .OrderBy(token => token.Name)
            .Select(token => new ApiTokenView(
                token.Id,
                token.Name,
                token.Role,
                token.CreatedBy,
                token.CreatedAt,
                token.ExpiresAt,
                token.RevokedAt != null
            ))
            .ToListAsync(cancellation);
    }

    /// <summary>Makes a token.</summary>
    /// <param name="actor">An admin.</param>
    /// <param name="name">Its name: letters, digits and <c>-._</c>.</param>
    /// <param name="role">What it may do.</param>
    /// <param name="days">After how many days it expires, 1 to <see cref="MaxDays"/>.</param>
    /// <param name="cancellation">Gives up a transaction that has not begun.</param>
    /// <returns>The token, which is stored nowhere.</returns>
    /// <exception cref="RefusedException">Forbidden, NameTaken or InvalidRequest.</exception>
    public Task<string> MakeAsync(Actor actor, string name, ConsoleRole role, int days, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        name = name.Trim();
        if (
            name.Length is 0 or > MaxNameLength
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || "-._".Contains(c, StringComparison.Ordinal))
        )
            throw Refusal
                .InvalidRequest($"A name has 1 to {MaxNameLength} letters, digits and the signs -._")
                .AsException();
        if (days is < 1 or > MaxDays || !Enum.IsDefined(role))
            throw Refusal.InvalidRequest($"A token has a role, and lasts 1 to {MaxDays} days.").AsException();
        return _writer.WriteAsync(
            async write =>
            {
                if (await write.Context.Set<ApiToken>().AnyAsync(other => other.Name == name))
                    throw ConsoleRefusals.NameTaken.AsException();
                if (await write.Context.Set<ApiToken>().CountAsync() >= MaxTokens)
                    throw Refusal.InvalidRequest($"There are at most {MaxTokens} tokens.").AsException();
                string token = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
                write.Context.Add(
                    new ApiToken
                    {
                        Id = Guid.CreateVersion7().ToString("N"),
                        Name = name,
                        Role = role,
                        Hash = OneTimeLinks.HashOf(token),
                        CreatedBy = actor.Name,
                        CreatedAt = write.Now,
                        ExpiresAt = write.Now.AddDays(days),
                    }
                );
                write.Audit(
                    actor.Name,
                    "makeApiToken",
                    name,
                    details: new AuditDetails().Add("role", role.ToString()).Add("days", days)
                );
                return token;
            },
            cancellation
        );
    }

    /// <summary>Revokes a token: it is refused from the next request on, on every host.</summary>
    /// <exception cref="RefusedException">Forbidden or NotFound.</exception>
    public Task RevokeAsync(Actor actor, string id, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        return _writer.WriteAsync(
            async write =>
            {
                ApiToken token =
                    await write.Context.Set<ApiToken>().SingleOrDefaultAsync(token => token.Id == id)
                    ?? throw ConsoleRefusals.NotFound.AsException();
                if (token.RevokedAt is not null)
                    return false;
                token.RevokedAt = write.Now;
                write.Audit(actor.Name, "revokeApiToken", token.Name);
                return true;
            },
            cancellation
        );
    }

    /// <summary>Those of the given tokens that are neither expired nor revoked, by their ids.</summary>
    public async Task<IReadOnlyCollection<string>> OpenAmongAsync(
        IReadOnlyCollection<string> ids,
        CancellationToken cancellation
    )
    {
        DateTimeOffset now = _clock.GetUtcNow();
        await using MlsDbContext context = _database.Read();
        return await context
            .Set<ApiToken>()
            .Where(token => ids.Contains(token.Id) && token.RevokedAt == null && token.ExpiresAt > now)
            .Select(token => token.Id)
            .ToListAsync(cancellation);
    }

    /// <summary>Who calls with a token.</summary>
    /// <returns>The token's id and its actor; null if it is none, or is expired or revoked.</returns>
    public async Task<(string Id, Actor Actor)?> FindAsync(string token, CancellationToken cancellation)
    {
        if (!token.StartsWith(Prefix, StringComparison.Ordinal) || token.Length > 100)
            return null;
        // The hash is looked up by an index, so the time that it takes says nothing about another token.
        string hash = OneTimeLinks.HashOf(token);
        DateTimeOffset now = _clock.GetUtcNow();
        await using MlsDbContext context = _database.Read();
        ApiToken? found = await context
            .Set<ApiToken>()
            .SingleOrDefaultAsync(
                one => one.Hash == hash && one.RevokedAt == null && one.ExpiresAt > now,
                cancellation
            );
        return found is null ? null : (found.Id, new Actor($"token:{found.Name}", found.Role));
    }
}
