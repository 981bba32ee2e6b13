using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Finds the key with which a DID signs its service tokens. The key of a <c>did:web</c> or <c>did:plc</c> is in its
/// document; documents are cached, and so is the absence of one. In Development, a <c>did:key</c> is its own key, and
/// the directory file is looked at before the network.
/// </summary>
internal sealed class DidResolver(HostSettings settings, DidFetcher fetcher, TimeProvider clock) : IDisposable
{
    /// <summary>
    /// The age at which a document is fetched again. If its host cannot be asked, the old document serves until it has
    /// the age <see cref="s_stale"/>.
    /// </summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromHours(1),
        s_stale = TimeSpan.FromHours(24);

    /// <summary>
    /// For how long a DID is known to have no document, and for how long an unreachable host is not asked again.
    /// </summary>
    private static readonly TimeSpan s_absent = TimeSpan.FromMinutes(1),
        s_unreachable = TimeSpan.FromSeconds(15);

    /// <summary>The shortest time between two fetches of a DID's document that bad signatures cause.</summary>
    private static readonly TimeSpan s_refresh = TimeSpan.FromMinutes(1);
    internal const int MaxKept = 20_000;

    private readonly DidDirectoryFile? _directory = settings.DirectoryFile is { } path
        ? new DidDirectoryFile(path)
        : null;

    // There are two caches, so that DIDs without a document, which anybody can make up, displace no document.
    private readonly MemoryCache _documents = new(new MemoryCacheOptions { SizeLimit = MaxKept }),
        _absences = new(new MemoryCacheOptions { SizeLimit = MaxKept });
    private readonly ConcurrentDictionary<string, Lazy<Task<Known>>> _fetching = new(StringComparer.Ordinal);

    internal int Kept => _documents.Count + _absences.Count;

    /// <param name="did">The issuer of a token, not verified yet.</param>
    /// <param name="unfit">
    /// A key that this method has returned and that does not verify the token. With it, the question is whether the DID
    /// has a newer key.
    /// </param>
    /// <returns>
    /// Null if the DID is unknown, if its document has no usable <c>#atproto</c> key, or if there is no newer key.
    /// </returns>
    /// <exception cref="XrpcException">Too many documents are being fetched (503).</exception>
    public async ValueTask<EcdsaPublicKey?> SigningKeyOfAsync(string did, EcdsaPublicKey? unfit = null)
    {
        EcdsaPublicKey? key;
        if (did.StartsWith("did:key:", StringComparison.Ordinal))
            key = settings.AllowDidKey ? KeyItself(did) : null;
        else if (_directory?.Find(did) is { } local)
            key = local.SigningKey;
        else if (!fetcher.Knows(did))
            return null;
        else
        {
            Known? known = Find(did);
            DateTimeOffset now = clock.GetUtcNow();
            // The host is not asked if a newer document has come since the unfit key was returned.
            if (
                known is null
                || (
                    unfit is null
                        ? known.GoodUntil <= now
                        : known.Document?.SigningKey == unfit && known.AskedAt + s_refresh <= now
                )
            )
                known = await FetchOnceAsync(did, known);
            key = known.Document?.SigningKey;
        }
        return key == unfit ? null : key;
    }

    public void Dispose()
    {
        _documents.Dispose();
        _absences.Dispose();
    }

    private EcdsaPublicKey? KeyItself(string did)
    {
        if (Find(did) is { } known)
            return known.Document!.SigningKey;
        if (Multikey.FromDidKey(did) is not { } key)
            return null;
        Keep(did, new(new(did, key), default, default, default));
        return key;
    }

    private Known? Find(string did) => _documents.Get<Known>(did) ?? _absences.Get<Known>(did);

    private void Keep(string did, Known known)
    {
        var (to, from) = known.Document is null ? (_absences, _documents) : (_documents, _absences);
        to.Set(did, known, new MemoryCacheEntryOptions { Size = 1 });
        from.Remove(did);
    }

    /// <summary>
    /// Joins the fetch of the document that is under way, or starts one. A fetch belongs to no request, so a request
    /// that is aborted does not end it for the others.
    /// </summary>
    private Task<Known> FetchOnceAsync(string did, Known? before) =>
        _fetching
            .GetOrAdd(
                did,
                static (did, given) => new(() => given.Self.FetchAsync(did, given.before)),
                (Self: this, before)
            )
            .Value;

    private async Task<Known> FetchAsync(string did, Known? before)
    {
        try
        {
            // Another fetch may have ended since the caller looked into the cache.
            if (Find(did) is { } meanwhile && !ReferenceEquals(meanwhile, before))
                return meanwhile;
            FetchedDocument fetched = await fetcher.FetchAsync(did);
            DateTimeOffset now = clock.GetUtcNow();
            Known known = fetched switch
            {
                { Document: { } document } => new(document, now, now, now + s_fresh),
                { IsAnswer: true } => new(null, now, now, now + s_absent),
                _ when before?.Document is not null && before.FetchedAt + s_stale > now => before with
                {
                    AskedAt = now,
                    GoodUntil = now + s_unreachable,
                },
                _ => new(null, now, now, now + s_unreachable),
            };
            Keep(did, known);
            return known;
        }
        finally
        {
            _fetching.TryRemove(did, out _);
        }
    }

    /// <summary>What is known of a DID.</summary>
    /// <param name="Document">Null if there is no document, or if its host could not be asked.</param>
    /// <param name="FetchedAt">When the document was fetched.</param>
    /// <param name="AskedAt">When the host was asked last.</param>
    /// <param name="GoodUntil">Until when the host is not asked again.</param>
    private sealed record Known(
        DidDocument? Document,
        DateTimeOffset FetchedAt,
        DateTimeOffset AskedAt,
        DateTimeOffset GoodUntil
    );
}
