using System.Net;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Live;

/// <summary>
/// Bounds the WebSockets that an address has open on this host, from before the caller is known: a ticket is read only
/// when the WebSocket is open.
/// </summary>
internal sealed class SubscriptionSlots(RateLimitSettings settings)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _open = new(StringComparer.Ordinal);

    /// <returns>What the WebSocket holds until it ends; null if the address has as many as it may have.</returns>
    public IDisposable? TryEnter(IPAddress? address)
    {
        string key = RateLimits.KeyOf(address);
        lock (_lock)
        {
            int count = _open.GetValueOrDefault(key);
            if (settings.Enabled && count >= settings.SubscriptionsOfAddress)
                return null;
            _open[key] = count + 1;
            return new Slot(this, key);
        }
    }

    private void Leave(string key)
    {
        lock (_lock)
        {
            if (--_open[key] == 0)
                _open.Remove(key);
        }
    }

    private sealed class Slot(SubscriptionSlots slots, string key) : IDisposable
    {
        private bool _left;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref _left, true))
                slots.Leave(key);
        }
    }
}
