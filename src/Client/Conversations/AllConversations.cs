using System.Collections.Concurrent;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>What is done with all conversations of the account together.</summary>
internal sealed class AllConversations(
    MlsClientOptions options,
    ServiceConnection service,
    ConversationGate gate,
    JoiningByWelcome welcomes,
    Rejoining rejoining,
    LogFollowing serviceLog
)
{
    private const int ParallelRejoins = 4;

    /// <summary>
    /// Rejoins every conversation that the account belongs to and this device has no live state of; see
    /// <see cref="ConversationManager.RecoverLostConversationsAsync"/>.
    /// </summary>
    public async Task<IReadOnlyList<Recovery>> RecoverLostAsync(CancellationToken cancellation)
    {
        var expected = await service
            .CallAsync(
                Lexicons.GetExpectedConversations,
                new GetExpectedConversationsParameters { DeviceId = options.DeviceId },
                cancellation
            )
            .ConfigureAwait(false);
        var recoveries = new ConcurrentBag<Recovery>();
        await Parallel
            .ForEachAsync(
                expected.Conversations.Where(static conversation => conversation.ShouldBeInGroup),
                new ParallelOptions { MaxDegreeOfParallelism = ParallelRejoins, CancellationToken = cancellation },
                async (conversation, token) =>
                {
                    bool isLost =
                        !conversation.DeviceInGroup
                        || !await IsMemberAsync(conversation.ConvoId, token).ConfigureAwait(false);
                    if (isLost)
                        recoveries.Add(await RecoverAsync(conversation.ConvoId, token).ConfigureAwait(false));
                }
            )
            .ConfigureAwait(false);
        return [.. recoveries];
    }

    private async Task<Recovery> RecoverAsync(string conversationId, CancellationToken cancellation)
    {
        try
        {
            var rejoin = await gate.EnterAsync(
                    conversationId,
                    conversation => rejoining.RejoinAsync(conversation, cancellation),
                    cancellation
                )
                .ConfigureAwait(false);
            return new(conversationId, rejoin, null);
        }
        catch (MlsClientException failure)
        {
            return new(conversationId, null, failure);
        }
    }

    /// <summary>Accepts the Welcomes that wait, and synchronises every conversation that the device is in.</summary>
    /// <returns>For each conversation what the synchronisation brought, or why the service refused it.</returns>
    /// <exception cref="MlsClientException">The service does not answer, or not as it should.</exception>
    public async Task<IReadOnlyList<(SyncResult? Sync, MlsClientException? Failure)>> SyncAsync(
        CancellationToken cancellation
    )
    {
        var results = new List<(SyncResult?, MlsClientException?)>();
        await welcomes.AcceptAllAsync(cancellation).ConfigureAwait(false);
        var ids = await StoredGroup.ConversationIdsAsync(options.Store, cancellation).ConfigureAwait(false);
        foreach (string id in ids)
        {
            if (!await IsMemberAsync(id, cancellation).ConfigureAwait(false))
                continue;
            try
            {
                var sync = await gate.EnterAsync(
                        id,
                        conversation => serviceLog.SyncAsync(conversation, mayRejoin: true, cancellation),
                        cancellation
                    )
                    .ConfigureAwait(false);
                results.Add((sync, null));
            }
            catch (MlsClientException failure) when (failure.Status is > 0 and < 500)
            {
                results.Add((null, failure));
            }
        }
        return results;
    }

    private Task<bool> IsMemberAsync(string conversationId, CancellationToken cancellation) =>
        gate.EnterAsync(conversationId, static conversation => Task.FromResult(conversation.IsMember), cancellation);
}
