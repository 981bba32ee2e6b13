using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// Verifies that a group which the service offers descends from the epoch that the device knows, so that a dishonest
/// service cannot lead the device into another branch of the group.
/// </summary>
internal sealed class BranchVerification(ServiceConnection service)
{
    /// <summary>
    /// Replays the public commits since the device's epoch on what the device knows. They have to lead to the offered
    /// group. A device without any state has nothing to verify the group against.
    /// </summary>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.OtherBranch"/>, or the service's refusal.
    /// </exception>
    public async Task RequireDescentAsync(
        LocalConversation conversation,
        PublicGroup offered,
        CancellationToken cancellation
    )
    {
        if (conversation.Group?.PublicGroup is not { } known)
            return;
        if (offered.Epoch < known.Epoch)
            throw OtherBranch($"It is in epoch {offered.Epoch}, and the device was in {known.Epoch}.");
        while (known.Epoch < offered.Epoch)
        {
            var page = await service
                .CallAsync(
                    Lexicons.GetCommits,
                    new GetCommitsParameters
                    {
                        ConvoId = conversation.Id,
                        FromEpoch = ServiceConnection.Decimal(known.Epoch),
                        ToEpoch = ServiceConnection.Decimal(offered.Epoch),
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            if (page.Commits.Count == 0)
                throw OtherBranch($"The service's log ends in epoch {known.Epoch}.");
            known = Replay(known, page.Commits);
        }
        if (
            !known.Context.Encoded.Span.SequenceEqual(offered.Context.Encoded.Span)
            || !known.ConfirmationTag.Span.SequenceEqual(offered.ConfirmationTag.Span)
        )
            throw OtherBranch($"The commits since the device's epoch lead to another epoch {offered.Epoch}.");
    }

    private static PublicGroup Replay(PublicGroup group, IReadOnlyList<CommitView> commits)
    {
        try
        {
            foreach (var entry in commits)
            {
                var current = group;
                var proposals = (entry.Proposals ?? [])
                    .Select(proposal => current.Authenticate(ServedObjects.DecodePublicMessage(proposal)))
                    .ToList();
                group = current
                    .Stage(current.Authenticate(ServedObjects.DecodePublicMessage(entry.Commit)), proposals, null)
                    .Follow();
            }
            return group;
        }
        catch (Exception broken) when (broken is MlsException or FormatException)
        {
            throw OtherBranch($"The commit after epoch {group.Epoch} does not hold: {broken.Message}", broken);
        }
    }

    private static MlsClientException OtherBranch(string why, Exception? inner = null) =>
        new(
            ClientErrors.OtherBranch,
            $"The group that the service offers does not descend from the one that the device knows. {why}",
            inner
        );
}
