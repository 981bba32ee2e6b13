using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// Answers as a member the devices that ask to be added again, because external commits are off for them or fail: the
/// other end of <see cref="JoiningByMember"/>.
/// </summary>
internal sealed class RejoinAnswers(ServiceConnection service, CommitSending commits, LogFollowing serviceLog)
{
    /// <summary>
    /// Removes and adds all devices that wait, in one commit; see
    /// <see cref="ConversationManager.AnswerRejoinRequestsAsync"/>.
    /// </summary>
    /// <returns>False where nobody waits, or others have answered.</returns>
    public async Task<bool> AnswerAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (!conversation.IsMember)
            return false;
        await serviceLog.CatchUpAsync(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
        var requests = await FetchAsync(conversation.Id, cancellation).ConfigureAwait(false);
        IReadOnlyList<string> answered = [];
        try
        {
            return await commits
                .CommitIfNeededAsync(
                    conversation,
                    group =>
                    {
                        var waiting = requests.Where(request => Waits(group, request.Package)).ToList();
                        answered = [.. waiting.Select(static request => request.Id)];
                        return waiting.Count == 0 ? null : AddAgain(group, waiting);
                    },
                    (pending, token) => commits.SendByAddMembersAsync(conversation.Id, pending, answered, token),
                    cancellation
                )
                .ConfigureAwait(false);
        }
        catch (MlsClientException overtaken) when (overtaken.Rule == "delivery.rejoin-request-answered")
        {
            return false;
        }
    }

    private sealed record Request(string Id, UnverifiedKeyPackage Package);

    private async Task<List<Request>> FetchAsync(string conversationId, CancellationToken cancellation)
    {
        var answer = await service
            .CallAsync(
                Lexicons.GetRejoinRequests,
                new GetRejoinRequestsParameters { ConvoId = conversationId },
                cancellation
            )
            .ConfigureAwait(false);
        var requests = new List<Request>();
        foreach (var view in answer.Requests)
            if (TryDecode(view) is { } package)
                requests.Add(new(view.RequestId, package));
        return requests;
    }

    /// <returns>
    /// Null for a key package that is broken, or not of the device that the service names; other requests do not wait
    /// for it.
    /// </returns>
    private static UnverifiedKeyPackage? TryDecode(RejoinRequestView request)
    {
        try
        {
            var package = UnverifiedKeyPackage.Decode(Convert.FromBase64String(request.KeyPackage));
            var named = MemberIdentity.Of(request.Did, request.DeviceId);
            return package.LeafNode.Credential.Identity.Span.SequenceEqual(named) ? package : null;
        }
        catch (Exception broken) when (broken is MlsException or FormatException)
        {
            return null;
        }
    }

    /// <summary>
    /// Whether a device is to be added again: its account has a device in the group, because a service must not be able
    /// to let anybody else in, and the device is not in the group by this key package already.
    /// </summary>
    private static bool Waits(PublicGroup group, UnverifiedKeyPackage package)
    {
        string? did = MemberIdentity.DidOf(package.LeafNode.Credential);
        return group.Members.Any(member => did is not null && MemberIdentity.DidOf(member.Leaf.Credential) == did)
            && !group.Members.Any(member =>
                member.Leaf.EncryptionKey.Span.SequenceEqual(package.LeafNode.EncryptionKey.Span)
            );
    }

    private static CommitOptions AddAgain(PublicGroup group, List<Request> waiting) =>
        new()
        {
            Add = [.. waiting.Select(static request => request.Package)],
            Remove =
            [
                .. group
                    .Members.Where(member =>
                        waiting.Exists(request => request.Package.LeafNode.Credential.SameAs(member.Leaf.Credential))
                    )
                    .Select(static member => member.Index),
            ],
            TreeInWelcome = false,
        };
}
