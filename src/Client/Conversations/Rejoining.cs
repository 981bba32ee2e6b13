using Microsoft.Extensions.Logging;

namespace MlsConsole.Clients;

/// <summary>
/// Brings the device (back) into a conversation. It knows the ways in their order (a Welcome, external commits, the
/// members), bounds the tries, and has the end reported to the service.
/// </summary>
internal sealed partial class Rejoining(
    MlsClientOptions options,
    RejoinLimit limit,
    JoiningByWelcome welcomes,
    JoiningByExternalCommit externalCommits,
    JoiningByMember members,
    RejoinReports reports,
    ILogger logger
)
{
    private readonly ILogger _log = logger;

    /// <summary>How a rejoin ended that did not fail.</summary>
    /// <param name="Result">What the application is told.</param>
    /// <param name="NotApproved">The service's refusal, where the device awaits approval.</param>
    private sealed record RejoinEnd(RejoinResult Result, MlsClientException? NotApproved = null);

    /// <summary>Rejoins by whatever way leads in; see <see cref="ConversationManager.RejoinAsync"/>.</summary>
    public async Task<RejoinResult> RejoinAsync(LocalConversation conversation, CancellationToken cancellation) =>
        (await RunAsync(conversation, mayAskMembers: true, cancellation).ConfigureAwait(false)).Result;

    /// <summary>
    /// Rejoins without the members' help; see <see cref="ConversationManager.JoinByExternalCommitAsync"/>.
    /// </summary>
    public async Task<RejoinResult> RejoinAloneAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        var end = await RunAsync(conversation, mayAskMembers: false, cancellation).ConfigureAwait(false);
        return end.NotApproved is { } refusal ? throw refusal : end.Result;
    }

    /// <summary>Rejoins after another device has approved this one.</summary>
    /// <returns>Null where the device is in the group already, or could not join.</returns>
    public async Task<SyncResult?> RejoinApprovedAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        if (conversation.IsMember)
            return null;
        var rejoin = await RejoinAsync(conversation, cancellation).ConfigureAwait(false);
        return rejoin.Joined
            ? new(conversation.Id, rejoin.Epoch, [], Commits: 0, Unreadable: 0, Removed: false, rejoin)
            : null;
    }

    private async Task<RejoinEnd> RunAsync(
        LocalConversation conversation,
        bool mayAskMembers,
        CancellationToken cancellation
    )
    {
        await limit.CountAsync(conversation.Id, cancellation).ConfigureAwait(false);
        // A device that comes back has no leave under way any more.
        await StoredLeave.DeleteAsync(options.Store, conversation.Id, cancellation).ConfigureAwait(false);
        var progress = new RejoinProgress(options.Clock);
        RejoinEnd end;
        try
        {
            end = await TryWaysAsync(conversation, progress, mayAskMembers, cancellation).ConfigureAwait(false);
        }
        catch (MlsClientException failure)
        {
            LogRejoinFailed(failure.Error, progress.Attempts);
            // The service takes no report from an account that may not rejoin.
            if (failure.Error is not (ClientErrors.Unreachable or ServiceErrors.Unauthorized))
                await reports
                    .AddFailureAsync(
                        conversation.Id,
                        progress.Way,
                        progress.Tries,
                        progress.Elapsed,
                        failure.Error,
                        cancellation
                    )
                    .ConfigureAwait(false);
            throw;
        }
        if (end.NotApproved is not null)
            // To ask before the approval has cost the group nothing, and is not reported for the service's statistics.
            await limit.UncountAsync(conversation.Id, cancellation).ConfigureAwait(false);
        else if (end.Result.Joined)
            await FinishAsync(end.Result, progress, cancellation).ConfigureAwait(false);
        return end;
    }

    private async Task FinishAsync(RejoinResult result, RejoinProgress progress, CancellationToken cancellation)
    {
        LogRejoined(result.Way, result.Epoch, result.Attempts, result.Elapsed.TotalMilliseconds);
        await reports
            .AddSuccessAsync(
                result.ConversationId,
                result.Way,
                progress.Tries,
                result.Elapsed,
                progress.LastError,
                cancellation
            )
            .ConfigureAwait(false);
        await welcomes.ReplenishKeyPackagesAsync(cancellation).ConfigureAwait(false);
    }

    /// <exception cref="MlsClientException">No way led in.</exception>
    private async Task<RejoinEnd> TryWaysAsync(
        LocalConversation conversation,
        RejoinProgress progress,
        bool mayAskMembers,
        CancellationToken cancellation
    )
    {
        if (await welcomes.AcceptAsync(conversation, cancellation).ConfigureAwait(false))
            return new(progress.ToResult(conversation, RejoinWay.Welcome, joined: true));
        while (true)
        {
            try
            {
                progress.Attempts++;
                await externalCommits.JoinAsync(conversation, cancellation).ConfigureAwait(false);
                return new(progress.ToResult(conversation, RejoinWay.ExternalCommit, joined: true));
            }
            catch (MlsClientException failure)
            {
                progress.LastError = failure.Error;
                var decision = RejoinDecision.AfterExternalCommit(failure, progress.Attempts, progress.Turns, options);
                switch (decision.Step)
                {
                    case RejoinStep.Again:
                        await WaitAsync(decision.Wait, progress, cancellation).ConfigureAwait(false);
                        break;
                    case RejoinStep.WaitForTurn:
                        progress.Attempts--;
                        progress.Turns++;
                        await WaitAsync(decision.Wait, progress, cancellation).ConfigureAwait(false);
                        break;
                    case RejoinStep.AskMembers when mayAskMembers:
                        return await AskMembersAsync(conversation, progress, failure, cancellation)
                            .ConfigureAwait(false);
                    case RejoinStep.AwaitApproval:
                        return AwaitApproval(conversation, progress, failure);
                    default:
                        throw;
                }
            }
        }
    }

    /// <summary>
    /// Waits before the next try: as long as the decision asks, and a random while more, so that devices that were
    /// refused at one time do not all come again at one time.
    /// </summary>
    private async Task WaitAsync(TimeSpan asked, RejoinProgress progress, CancellationToken cancellation)
    {
        var wait = asked + Jitter.Of(progress.Attempts);
        progress.Waited += wait;
        await Task.Delay(wait, options.Clock, cancellation).ConfigureAwait(false);
    }

    private static RejoinEnd AwaitApproval(
        LocalConversation conversation,
        RejoinProgress progress,
        MlsClientException refusal
    ) => new(progress.ToResult(conversation, progress.Way, joined: false) with { AwaitsApproval = true }, refusal);

    /// <summary>Asks the members, and waits a while for the Welcome of a member who is online.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="progress">How far the rejoin has come.</param>
    /// <param name="failure">Why external commits did not lead in.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    private async Task<RejoinEnd> AskMembersAsync(
        LocalConversation conversation,
        RejoinProgress progress,
        MlsClientException failure,
        CancellationToken cancellation
    )
    {
        progress.Way = RejoinWay.Legacy;
        try
        {
            await members.AskAsync(conversation, failure.Error, cancellation).ConfigureAwait(false);
        }
        catch (MlsClientException refusal)
        {
            if (RejoinDecision.AfterAskingMembers(refusal).Step == RejoinStep.AwaitApproval)
                return AwaitApproval(conversation, progress, refusal);
            if (refusal.Status == 0)
                throw;
            throw new MlsClientException(
                ClientErrors.RejoinFailed,
                $"External commits did not lead into {conversation.Id} after {progress.Attempts} tries "
                    + $"({failure.Error}), and the members cannot be asked: {refusal.Message}",
                refusal
            )
            {
                RetryAfter = refusal.RetryAfter,
                Rule = refusal.Rule,
            };
        }
        bool joined = await members.WaitAsync(conversation, cancellation).ConfigureAwait(false);
        return new(progress.ToResult(conversation, RejoinWay.Legacy, joined));
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Rejoined by {Way} in epoch {Epoch} after {Attempts} tries, {Milliseconds} ms"
    )]
    private partial void LogRejoined(RejoinWay way, ulong epoch, int attempts, double milliseconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A rejoin failed with {Error} after {Attempts} tries")]
    private partial void LogRejoinFailed(string error, int attempts);
}
