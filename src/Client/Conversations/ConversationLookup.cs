using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Asks the service about a conversation.</summary>
internal sealed class ConversationLookup(MlsClientOptions options, ServiceConnection service)
{
    /// <summary>The cipher suite of a conversation, from the device's own state or else from the service.</summary>
    public async Task<ushort> CipherSuiteAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (conversation.Group is { } known)
            return known.PublicGroup.CipherSuite;
        try
        {
            return (ushort)(await GetConvoAsync(conversation.Id, cancellation).ConfigureAwait(false)).CipherSuite;
        }
        catch (MlsClientException refused) when (refused.Error == ServiceErrors.Unauthorized)
        {
            // The service tells an account that has left nothing of the conversation, but lets it ask to be added
            // again.
            return options.CipherSuite;
        }
    }

    /// <summary>
    /// The leaves, in the device's epoch, that every commit of a member has to remove: their accounts have left or were
    /// banned.
    /// </summary>
    /// <returns>No leaves where the service is in another epoch than the device.</returns>
    public async Task<IReadOnlyList<LeafIndex>> PendingRemovalsAsync(
        LocalConversation conversation,
        CancellationToken cancellation
    )
    {
        var group = conversation.GroupAsMember;
        var convo = await GetConvoAsync(conversation.Id, cancellation).ConfigureAwait(false);
        if ((ulong)convo.Epoch != group.CurrentEpoch)
            return [];
        return
        [
            .. convo
                .Members.Where(static member => member.RemovalPending == true)
                .Select(static member => new LeafIndex((uint)member.LeafIndex))
                .Where(leaf => leaf != group.OwnLeaf && group.PublicGroup.Leaf(leaf) is not null),
        ];
    }

    private async Task<ConvoView> GetConvoAsync(string conversationId, CancellationToken cancellation) =>
        (
            await service
                .CallAsync(Lexicons.GetConvo, new GetConvoParameters { ConvoId = conversationId }, cancellation)
                .ConfigureAwait(false)
        ).Convo;
}
