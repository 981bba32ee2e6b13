using Microsoft.Extensions.Logging;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

public sealed partial class ConversationManager
{
    /// <summary>Joins every conversation whose Welcome waits for this device.</summary>
    /// <returns>The conversations that were joined. A Welcome that cannot be opened is reported to the service; rejoin its conversation.</returns>
    public async Task<IReadOnlyList<string>> AcceptWelcomesAsync(CancellationToken cancellation = default)
    {
        var joined = new List<string>();
        foreach (var waiting in (await Welcomes(cancellation).ConfigureAwait(false)).GroupBy(static one => one.ConvoId))
            if (
                await With(waiting.Key, conversation => AcceptLate(conversation, waiting, cancellation), cancellation)
                    .ConfigureAwait(false)
            )
                joined.Add(waiting.Key);
        await KeepKeyPackages(cancellation).ConfigureAwait(false);
        return joined;
    }

    /// <summary>Makes new key packages for those that Welcomes used up. What becomes of that changes nothing for the caller.</summary>
    private async Task KeepKeyPackages(CancellationToken cancellation)
    {
        if (!_keys.IsDue)
            return;
        try
        {
            await _keys.KeepKeyPackagesAsync(cancellation).ConfigureAwait(false);
        }
        catch (MlsClientException failure)
        {
            LogKeyPackagesNotKept(failure.Error);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Key packages could not be published: {Error}")]
    private partial void LogKeyPackagesNotKept(string error);

    /// <summary>A Welcome may be the end of a rejoin that asked the members and did not wait for one.</summary>
    private async Task<bool> AcceptLate(
        Conversation conversation,
        IEnumerable<WelcomeView> welcomes,
        CancellationToken cancellation
    )
    {
        var request = await OpenRequest(conversation.Id, cancellation).ConfigureAwait(false);
        if (!await Accept(conversation, welcomes, cancellation).ConfigureAwait(false))
            return false;
        if (request is not null)
            await Report(
                    conversation,
                    RejoinWay.Legacy,
                    1,
                    _options.Clock.GetUtcNow() - request.At,
                    null,
                    succeeded: true,
                    cancellation
                )
                .ConfigureAwait(false);
        return true;
    }

    private async Task<bool> AcceptWaiting(Conversation conversation, CancellationToken cancellation) =>
        await Accept(
                conversation,
                (await Welcomes(cancellation).ConfigureAwait(false)).Where(one => one.ConvoId == conversation.Id),
                cancellation
            )
            .ConfigureAwait(false);

    private async Task<IReadOnlyList<WelcomeView>> Welcomes(CancellationToken cancellation) =>
        (
            await _service
                .Call(Lexicons.GetWelcomes, new GetWelcomesParameters { DeviceId = _options.DeviceId }, cancellation)
                .ConfigureAwait(false)
        ).Welcomes;

    /// <summary>Joins by the latest Welcome of a conversation that can be opened, and confirms them all.</summary>
    private async Task<bool> Accept(
        Conversation conversation,
        IEnumerable<WelcomeView> welcomes,
        CancellationToken cancellation
    )
    {
        bool joined = false;
        foreach (var one in welcomes.OrderBy(static one => one.Epoch))
        {
            string? fault = null;
            // An older one than the group that the device is in has done its work.
            if (conversation.Group is not { HasEnded: false } known || known.CurrentEpoch < (ulong)one.Epoch)
            {
                fault = await Open(conversation, one, cancellation).ConfigureAwait(false);
                joined |= fault is null;
            }
            await _service
                .Call(
                    Lexicons.ConfirmWelcome,
                    new()
                    {
                        Id = one.Id,
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
    private async Task<string?> Open(Conversation conversation, WelcomeView view, CancellationToken cancellation)
    {
        Group? group = null;
        try
        {
            var welcome = Welcome.Decode(Convert.FromBase64String(view.Welcome));
            using var package = await _keys.FindAsync(welcome, cancellation).ConfigureAwait(false);
            if (package is null)
                return "The key package's private keys are lost.";
            var client = await _keys.ForAsync(welcome.CipherSuite, cancellation).ConfigureAwait(false);
            group = Group.JoinByWelcome(client, package, welcome, Convert.FromBase64String(view.RatchetTree));
            await RequireDescent(conversation, group.PublicGroup, cancellation).ConfigureAwait(false);
            var commits = await _service
                .Call(
                    Lexicons.GetCommits,
                    new GetCommitsParameters
                    {
                        ConvoId = conversation.Id,
                        FromEpoch = ServiceConnection.Decimal(group.CurrentEpoch - 1),
                        ToEpoch = ServiceConnection.Decimal(group.CurrentEpoch),
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            conversation.Take(group, commits.Commits.Count == 0 ? 0 : commits.Commits[0].Seq);
            await conversation
                .SaveAsync(
                    Store,
                    cancellation,
                    [
                        .. _keys.Used(package),
                        new(NameOfRequest(conversation.Id), null),
                        new(NameOfLeave(conversation.Id), null),
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
}
