using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.ExternalSenders;

/// <summary>The service as a group may list it in the extension external_senders (RFC 9420 §12.1.8.1).</summary>
/// <param name="SignatureScheme">The SignatureScheme of TLS that the key is for.</param>
/// <param name="SignatureKey">The signature public key, encoded as its cipher suites do (RFC 9420 §5.1.1).</param>
/// <param name="Credential">A basic credential with the service's DID, TLS-serialised.</param>
public sealed record ExternalSenderView(int SignatureScheme, byte[] SignatureKey, byte[] Credential);

/// <summary>What a rotation of the service's signature keys did with the retired keys.</summary>
/// <param name="Kept">How many retired keys are kept: groups list them, or this rotation retired them.</param>
/// <param name="Deleted">How many retired keys were deleted, because no group listed them any more.</param>
public sealed record Rotation(int Kept, int Deleted);

/// <summary>
/// The service's own MLS signature keys, one current key of each signature scheme, shared by all hosts. A private key
/// is decrypted in memory only while it signs.
/// </summary>
public sealed class SignatureKeys
{
    private static readonly IReadOnlyList<CipherSuite> s_schemes =
    [
        .. CipherSuite.All.DistinctBy(suite => suite.SignatureScheme),
    ];

    private readonly Database _database;
    private readonly AuditLog _audit;
    private readonly IDataProtector _protector;
    private readonly TimeProvider _clock;

    internal SignatureKeys(Database database, AuditLog audit, IDataProtectionProvider protection, TimeProvider clock) =>
        (_database, _audit, _protector, _clock) = (
            database,
            audit,
            protection.CreateProtector("MlsConsole.SignatureKeys"),
            clock
        );

    /// <summary>
    /// Makes the current keys that are missing, and checks that this host can decrypt all of them. Of hosts that start
    /// at once, one makes each key.
    /// </summary>
    /// <exception cref="CryptographicException">
    /// The current keys are encrypted by another key ring than this host's.
    /// </exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        var current = await CurrentAsync(cancellation);
        if (s_schemes.Any(suite => !current.Exists(key => key.SignatureScheme == suite.SignatureScheme)))
        {
            await _database.WriteAsync(GenerateMissingAsync, cancellation);
            current = await CurrentAsync(cancellation);
        }
        foreach (var key in current)
            Open(key).Dispose();
    }

    /// <summary>
    /// What a group has to list in external_senders to let the service propose removals: one external sender for each
    /// signature scheme, of which a group lists the one of its cipher suite.
    /// </summary>
    public async Task<IReadOnlyList<ExternalSenderView>> ExternalSendersAsync(
        string serviceDid,
        CancellationToken cancellation
    )
    {
        byte[] credential = Credential.Basic(Encoding.UTF8.GetBytes(serviceDid)).Encode();
        return
        [
            .. (await CurrentAsync(cancellation)).Select(key => new ExternalSenderView(
                key.SignatureScheme,
                key.PublicKey,
                credential
            )),
        ];
    }

    /// <summary>
    /// Retires the current keys and makes new ones. A retired key is deleted by a later rotation, when no group lists
    /// the key any more.
    /// </summary>
    /// <exception cref="RefusedException">Forbidden: it takes an admin.</exception>
    public async Task<Rotation> RotateAsync(Actor actor, string correlationId, CancellationToken cancellation)
    {
        actor.Require(ConsoleRole.Admin);
        var entry = new AuditEntry
        {
            At = _clock.GetUtcNow(),
            Actor = actor.Name,
            Action = "rotateSignatureKey",
            Outcome = RequestOutcomes.Accepted,
            CorrelationId = correlationId,
        };
        var rotation = await _database.WriteAsync(
            async context =>
            {
                // Keys that are retired only now are not deleted: somebody may be making a group that lists them.
                int deleted = await context.Database.ExecuteSqlAsync(
                    $"""
                    DELETE FROM signature_keys WHERE retired_at IS NOT NULL
                    AND NOT EXISTS (
                        SELECT 1 FROM conversations WHERE conversations.signature_key_id = signature_keys.id
                    )
                    """
                );
                await context.Database.ExecuteSqlAsync(
                    $"""
                    UPDATE signature_keys SET retired_at = {entry.At.ToUnixTimeMilliseconds()} WHERE retired_at IS NULL
                    """
                );
                await GenerateMissingAsync(context);
                // A copy, because the database gives the entry an id, and this work may run more than once.
                context.Add(entry with { });
                return new Rotation(
                    await context.Set<SignatureKey>().CountAsync(key => key.RetiredAt != null, CancellationToken.None),
                    deleted
                );
            },
            cancellation
        );
        _audit.Announce(entry);
        return rotation;
    }

    /// <summary>
    /// The row of the service's key that a group lists and with which the service can sign in that group: the newest
    /// one if there are several, null if there is none.
    /// </summary>
    internal static async Task<long?> ListedAsync(
        MlsDbContext context,
        PublicGroup group,
        CancellationToken cancellation
    )
    {
        var listed = ExternalSender
            .Of(group.Context.Extensions)
            .Select(sender => sender.SignatureKey.ToArray())
            .ToList();
        if (listed.Count == 0)
            return null;
        int scheme = CipherSuite.Get(group.CipherSuite).SignatureScheme;
        return await context
            .Set<SignatureKey>()
            .Where(key => key.SignatureScheme == scheme && listed.Contains(key.PublicKey))
            .OrderByDescending(key => key.Id)
            .Select(key => (long?)key.Id)
            .FirstOrDefaultAsync(cancellation);
    }

    /// <summary>The key pair with the decrypted private key. The caller disposes it after use.</summary>
    /// <exception cref="CryptographicException">
    /// The private key is encrypted by another key ring than this host's.
    /// </exception>
    internal SecretKeyPair Open(SignatureKey key) => new(key.PublicKey, _protector.Unprotect(key.ProtectedPrivateKey));

    private async Task<List<SignatureKey>> CurrentAsync(CancellationToken cancellation)
    {
        await using var context = _database.Read();
        return await context
            .Set<SignatureKey>()
            .Where(key => key.RetiredAt == null)
            .OrderBy(key => key.SignatureScheme)
            .ToListAsync(cancellation);
    }

    private async Task<int> GenerateMissingAsync(MlsDbContext context)
    {
        int made = 0;
        foreach (var suite in s_schemes)
        {
            using var pair = suite.GenerateSignatureKeyPair();
            int scheme = (int)suite.SignatureScheme;
            byte[] protectedKey = _protector.Protect(pair.PrivateKey);
            long at = _clock.GetUtcNow().ToUnixTimeMilliseconds();
            made += await context.Database.ExecuteSqlAsync(
                $"""
                INSERT INTO signature_keys (signature_scheme, public_key, protected_private_key, created_at)
                VALUES ({scheme}, {pair.PublicKey}, {protectedKey}, {at})
                ON CONFLICT DO NOTHING
                """
            );
        }
        return made;
    }
}
