namespace MlsConsole.Clients;

/// <summary>
/// Bounds how often a conversation is rejoined within an hour, also over restarts. A device that rejoins again and
/// again has a fault that one more rejoin does not mend, and each rejoin costs the group an epoch.
/// </summary>
internal sealed class RejoinLimit(MlsClientOptions options)
{
    private static readonly TimeSpan s_period = TimeSpan.FromHours(1);

    /// <summary>Counts a rejoin that begins now.</summary>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.RejoinLoop"/>: there were <see cref="MlsClientOptions.RejoinsPerHour"/> within the last
    /// hour.
    /// </exception>
    public async Task CountAsync(string conversationId, CancellationToken cancellation)
    {
        // Times are kept in whole milliseconds, so the present is compared with them in whole milliseconds, too.
        var now = DateTimeOffset.FromUnixTimeMilliseconds(options.Clock.GetUtcNow().ToUnixTimeMilliseconds());
        var hourAgo = now - s_period;
        var saved = await StoredRejoinTimes
            .ReadAsync(options.Store, conversationId, cancellation)
            .ConfigureAwait(false);
        var recent = saved.Times.Where(time => time > hourAgo && time <= now).ToList();
        if (recent.Count >= options.RejoinsPerHour)
            throw new MlsClientException(
                ClientErrors.RejoinLoop,
                $"The conversation was rejoined {recent.Count} times within an hour."
            )
            {
                RetryAfter = recent[0] - hourAgo,
            };
        await SaveAsync(saved with { Times = [.. recent, now] }, cancellation).ConfigureAwait(false);
    }

    /// <summary>Takes back the last count: that rejoin has cost the group nothing.</summary>
    public async Task UncountAsync(string conversationId, CancellationToken cancellation)
    {
        var saved = await StoredRejoinTimes
            .ReadAsync(options.Store, conversationId, cancellation)
            .ConfigureAwait(false);
        if (saved.Times.Count > 0)
            await SaveAsync(saved with { Times = [.. saved.Times.SkipLast(1)] }, cancellation).ConfigureAwait(false);
    }

    private async Task SaveAsync(StoredRejoinTimes times, CancellationToken cancellation) =>
        await options.Store.WriteAsync(cancellation, times.ToEntry()).ConfigureAwait(false);
}
