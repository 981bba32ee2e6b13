using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Finds the key with which a DID signs its service tokens: <c>did:web</c> and <c>did:plc</c> by their documents, which are kept, as is that there is none; in
/// Development <c>did:key</c>, which says it itself, and the directory file before the network.
/// </summary>
internal sealed class DidResolver(HostSettings settings, DidFetcher fetcher, TimeProvider clock) : IDisposable
{
    /// <summary>A document is fetched again after so long; if its host cannot be asked, the old one serves until <see cref="s_stale"/>.</summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromHours(1),
        s_stale = TimeSpan.FromHours(24);

    /// <summary>So long there is none, or its host is not asked again.</summary>
    private static readonly TimeSpan s_absent = TimeSpan.FromMinutes(1),
        s_unreachable = TimeSpan.FromSeconds(15);

    /// <summary>Bad signatures cause a fetch of a DID's document so often and no more.</summary>
    private static readonly TimeSpan s_refresh = TimeSpan.FromMinutes(1);
    internal const int MaxKept = 20_000;

    private readonly DidDirectoryFile? directory = settings.DirectoryFile is { } path
        ? new DidDirectoryFile(path)
        : null;

    // Two, so that DIDs without a document, of which anybody can make any number, displace none that has one.
    private readonly MemoryCache documents = new(new MemoryCacheOptions { SizeLimit = MaxKept }),
        absences = new(new MemoryCacheOptions { SizeLimit = MaxKept });
    private readonly ConcurrentDictionary<string, Lazy<Task<Known>>> fetching = new(StringComparer.Ordinal);

    internal int Kept => documents.Count + absences.Count;

    /// <param name="did">The issuer of a token, not verified yet.</param>
    /// <param name="unfit">A key that this method has given and that does not fit the token: then the question is whether there is a newer one.</param>
    /// <returns>Null if the DID is unknown, its document has no usable <c>#atproto</c> key, or there is no newer one.</returns>
    /// <exception cref="XrpcException">Too many documents are being fetched (503).</exception>
    public async ValueTask<EcdsaPublicKey?> SigningKeyOfAsync(string did, EcdsaPublicKey? unfit = null)
    {
        EcdsaPublicKey? key;
        if (did.StartsWith("did:key:", StringComparison.Ordinal))
            key = settings.AllowDidKey ? KeyItself(did) : null;
        else if (directory?.Find(did) is { } local)
            key = local.SigningKey;
        else if (!fetcher.Knows(did))
            return null;
        else
        {
            Known? known = Find(did);
            DateTimeOffset now = clock.GetUtcNow();
            // A document that came after the unfit key was given out is looked at before anybody is asked.
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
        documents.Dispose();
        absences.Dispose();
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

    private Known? Find(string did) => documents.Get<Known>(did) ?? absences.Get<Known>(did);

    private void Keep(string did, Known known)
    {
        var (to, from) = known.Document is null ? (absences, documents) : (documents, absences);
        to.Set(did, known, new MemoryCacheEntryOptions { Size = 1 });
        from.Remove(did);
    }

    /// <summary>Whoever asks while a document is being fetched waits for the same fetch, which belongs to no request.</summary>
    private Task<Known> FetchOnceAsync(string did, Known? before) =>
        fetching
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
            // A fetch may have ended between the look into the cache and here.
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
            fetching.TryRemove(did, out _);
        }
    }

    /// <param name="Document">Null: there is none, or its host could not be asked.</param>
    /// <param name="FetchedAt">When the document came.</param>
    /// <param name="AskedAt">When its host was asked last.</param>
    /// <param name="GoodUntil">Until then nobody is asked.</param>
    private sealed record Known(
        DidDocument? Document,
        DateTimeOffset FetchedAt,
        DateTimeOffset AskedAt,
        DateTimeOffset GoodUntil
    );
}
