using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using MlsConsole.Core.RateLimits;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>
/// Limits requests: those with a verified token by account and method, and those without a valid token by address.
/// </summary>
internal sealed class RateLimits(RateLimitSettings settings, RateWindows shared, TimeProvider clock)
{
    /// <summary>
    /// How many keys of one window have counters of their own. Keys that come later share one counter.
    /// </summary>
    private const int MaxKeys = 500_000;

    private Keys _current = new(default);

    /// <summary>Counts a request of an account.</summary>
    /// <param name="did">The account, from a verified token.</param>
    /// <param name="method">The method that is called.</param>
    /// <returns>
    /// How the limit stands, and an action that takes the request back if it turns out to be somebody else's. Null
    /// where limits are switched off.
    /// </returns>
    public async ValueTask<(RateLimit Limit, Action Refund)?> TakeAsync(string did, XrpcMethod method)
    {
        if (!settings.Enabled)
            return null;
        var (counter, window) = Counter($"account\0{method.Label}\0{did}", settings.Of(method));
        bool taken = await counter.TakeAsync();
        return (Stands(counter, window, settings.Of(method), exceeded: !taken), counter.Return);
    }

    /// <summary>How the limit of an address stands.</summary>
    /// <returns>Null where limits are switched off.</returns>
    public RateLimit? Of(IPAddress? address)
    {
        if (!settings.Enabled)
            return null;
        var (counter, window) = Counter(KeyOf(address), settings.Unauthenticated);
        return Stands(counter, window, settings.Unauthenticated, exceeded: counter.Remaining == 0);
    }

    /// <summary>Counts a request without a valid token.</summary>
    /// <returns>Null where limits are switched off.</returns>
    public async ValueTask<RateLimit?> TakeAsync(IPAddress? address)
    {
        if (!settings.Enabled)
            return null;
        var (counter, window) = Counter(KeyOf(address), settings.Unauthenticated);
        return Stands(counter, window, settings.Unauthenticated, exceeded: !await counter.TakeAsync());
    }

    private RateLimit Stands(RateCounter counter, DateTimeOffset window, int limit, bool exceeded) =>
        new(limit, exceeded ? 0 : counter.Remaining, window + settings.Window, settings.Window, exceeded);

    /// <summary>
    /// The key of an address. Of an IPv6 address, the caller can choose the last 64 bits, so only the first 64 count.
    /// </summary>
    internal static string KeyOf(IPAddress? address)
    {
        if (address is null)
            return "address\0";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? $"address\0{Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8))}"
            : $"address\0{address}";
    }

    private (RateCounter Counter, DateTimeOffset Window) Counter(string key, int limit)
    {
        long length = settings.Window.Ticks;
        DateTimeOffset start = new(clock.GetUtcNow().UtcTicks / length * length, TimeSpan.Zero);
        Keys keys = Volatile.Read(ref _current);
        if (keys.Start < start)
        {
            // Of several threads that see the window end, the first one sets the new keys.
            Interlocked.CompareExchange(ref _current, new(start), keys);
            keys = Volatile.Read(ref _current);
        }
        if (!keys.Counters.TryGetValue(key, out RateCounter? counter))
        {
            if (Interlocked.Increment(ref keys.Count) > MaxKeys)
                key = $"others\0{limit}";
            counter = keys.Counters.GetOrAdd(
                key,
                _ =>
                    new(
                        limit,
                        amount =>
                            shared.AddAsync(
                                SHA256.HashData(Encoding.UTF8.GetBytes(key)),
                                keys.Start,
                                settings.Window,
                                amount
                            )
                    )
            );
        }
        return (counter, keys.Start);
    }

    private sealed class Keys(DateTimeOffset start)
    {
        public int Count;

        public DateTimeOffset Start { get; } = start;

        public ConcurrentDictionary<string, RateCounter> Counters { get; } = new(StringComparer.Ordinal);
    }
}
