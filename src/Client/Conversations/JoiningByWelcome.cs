using Microsoft.Extensions.Logging;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Joins conversations by the Welcomes that wait for this device at the service.</summary>
internal sealed partial class JoiningByWelcome(
    MlsClientOptions options,
    ServiceConnection service,
    DeviceKeys keys,
    ConversationGate gate,
    BranchVerification branches,
    RejoinReports reports,
    ILogger logger
)
{
    private readonly ILogger _log = logger;

    /// <summary>Joins every conversation whose Welcome waits.</summary>
    /// <returns>The conversations that were joined.</returns>
    public async Task<IReadOnlyList<string>> AcceptAllAsync(CancellationToken cancellation)
    {
        var joined = new List<string>();
        var waiting = await FetchAsync(cancellation).ConfigureAwait(false);
        foreach (var welcomes in waiting.GroupBy(static welcome => welcome.ConvoId))
            if (
                await gate.EnterAsync(
                        welcomes.Key,
                        conversation => AcceptLateAsync(conversation, welcomes, cancellation),
                        cancellation
                    )
                    .ConfigureAwait(false)
            )
                joined.Add(welcomes.Key);
        await ReplenishKeyPackagesAsync(cancellation).ConfigureAwait(false);
        return joined;
    }

    /// <summary>Joins one conversation by a Welcome, if one waits.</summary>
    /// <returns>Whether the device has joined.</returns>
    public async Task<bool> AcceptAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        var waiting = await FetchAsync(cancellation).ConfigureAwait(false);
        return await AcceptAsync(
                conversation,
                waiting.Where(welcome => welcome.ConvoId == conversation.Id),
                cancellation
            )
            .ConfigureAwait(false);
    }

    /// <summary>
    /// Publishes new key packages for those that Welcomes have used up. A failure is logged and changes nothing for the
    /// caller, who came to join and not to publish.
    /// </summary>
    public async Task ReplenishKeyPackagesAsync(CancellationToken cancellation)
    {
        if (!keys.IsDue)
            return;
        try
        {
            await keys.KeepKeyPackagesAsync(cancellation).ConfigureAwait(false);
        }
        catch (MlsClientException failure)
        {
            LogKeyPackagesNotKept(failure.Error);
        }
    }

    private async Task<IReadOnlyList<WelcomeView>> FetchAsync(CancellationToken cancellation) =>
        (
            await service
                .CallAsync(
                    Lexicons.GetWelcomes,
                    new GetWelcomesParameters { DeviceId = options.DeviceId },
                    cancellation
                )
                .ConfigureAwait(false)
        ).Welcomes;

    /// <summary>
    /// Joins by Welcomes outside a rejoin, and reports the rejoin which asked the members and did not wait for the
    /// answer.
    /// </summary>
    private async Task<bool> AcceptLateAsync(
        LocalConversation conversation,
        IEnumerable<WelcomeView> welcomes,
        CancellationToken cancellation
    )
    {
        var request = await StoredRejoinRequest
            .ReadAsync(options.Store, conversation.Id, cancellation)
            .ConfigureAwait(false);
        if (!await AcceptAsync(conversation, welcomes, cancellation).ConfigureAwait(false))
            return false;
        if (request is not null)
            await reports
                .AddSuccessAsync(
                    conversation.Id,
                    RejoinWay.Legacy,
                    tries: 1,
                    options.Clock.GetUtcNow() - request.AskedAt,
                    lastError: null,
                    cancellation
                )
                .ConfigureAwait(false);
        return true;
    }

    /// <summary>
    /// Joins by the latest Welcome of a conversation that can be opened, and confirms all of them to the service.
    /// </summary>
    private async Task<bool> AcceptAsync(
        LocalConversation conversation,
        IEnumerable<WelcomeView> welcomes,
        CancellationToken cancellation
    )
    {
        bool joined = false;
        foreach (var welcome in welcomes.OrderBy(static welcome => welcome.Epoch))
        {
            string? fault = null;
            // A Welcome to an epoch that the device has reached already is only confirmed.
            if (!conversation.IsMember || conversation.Group.CurrentEpoch < (ulong)welcome.Epoch)
            {
                fault = await OpenAsync(conversation, welcome, cancellation).ConfigureAwait(false);
                joined |= fault is null;
            }
            await service
                .CallAsync(
                    Lexicons.ConfirmWelcome,
                    new()
                    {
                        Id = welcome.Id,
                        Success = fault is null,
                        ErrorDetails = fault,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
        }
        return joined;
    }

    /// <returns>Null when the device is in the group; else what is wrong with the Welcome.</returns>
    private async Task<string?> OpenAsync(
        LocalConversation conversation,
        WelcomeView view,
        CancellationToken cancellation
    )
    {
        Group? group = null;
        try
        {
            var welcome = Welcome.Decode(Convert.FromBase64String(view.Welcome));
            using var package = await keys.FindAsync(welcome, cancellation).ConfigureAwait(false);
            if (package is null)
                return "The key package's private keys are lost.";
            var client = await keys.ForAsync(welcome.CipherSuite, cancellation).ConfigureAwait(false);
            group = Group.JoinByWelcome(client, package, welcome, Convert.FromBase64String(view.RatchetTree));
            await branches.RequireDescentAsync(conversation, group.PublicGroup, cancellation).ConfigureAwait(false);
            long seq = await SeqOfCommitAsync(conversation.Id, group.CurrentEpoch, cancellation).ConfigureAwait(false);
            conversation.Enter(group, seq);
            await conversation
                .SaveAsync(
                    cancellation,
                    [
                        .. keys.Used(package),
                        StoredRejoinRequest.Deletion(conversation.Id),
                        StoredLeave.Deletion(conversation.Id),
                    ]
                )
                .ConfigureAwait(false);
            return null;
        }
        catch (Exception broken) when (broken is MlsException or FormatException)
        {
            return (broken as MlsException)?.Rule.Id ?? "The Welcome is not base64.";
        }
        catch (MlsClientException)
        {
            group?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The place in the service's log of the commit that created an epoch; 0 where the service has no such commit.
    /// </summary>
    private async Task<long> SeqOfCommitAsync(string conversationId, ulong epoch, CancellationToken cancellation)
    {
        var page = await service
            .CallAsync(
                Lexicons.GetCommits,
                new GetCommitsParameters
                {
                    ConvoId = conversationId,
                    FromEpoch = ServiceConnection.Decimal(epoch - 1),
                    ToEpoch = ServiceConnection.Decimal(epoch),
                },
                cancellation
            )
            .ConfigureAwait(false);
        return page.Commits.Count == 0 ? 0 : page.Commits[0].Seq;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Key packages could not be published: {Error}")]
    private partial void LogKeyPackagesNotKept(string error);
}
