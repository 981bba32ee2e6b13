using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>Sends application messages.</summary>
internal sealed class MessageSending(
    MlsClientOptions options,
    ServiceConnection service,
    CommitSending commits,
    LogFollowing serviceLog
)
{
    /// <summary>
    /// Commits the proposals that wait, encrypts the message, and sends it. Where the epoch ends before the message has
    /// reached the service, the message is encrypted and sent anew in the next epoch.
    /// </summary>
    public async Task<Recorded> SendAsync(
        LocalConversation conversation,
        ReadOnlyMemory<byte> data,
        CancellationToken cancellation
    )
    {
        for (int attempt = 1; ; attempt++)
        {
            await commits.CommitWaitingAsync(conversation, cancellation).ConfigureAwait(false);
            var message = conversation.GroupAsMember.Encrypt(data.Span);
            // The message key is gone from the store before the message leaves the device.
            await conversation.SaveAsync(cancellation).ConfigureAwait(false);
            try
            {
                var answer = await service
                    .CallAsync(
                        Lexicons.SendMessage,
                        new() { ConvoId = conversation.Id, Message = Convert.ToBase64String(message) },
                        cancellation
                    )
                    .ConfigureAwait(false);
                return new((ulong)answer.Epoch, answer.Seq);
            }
            catch (MlsClientException refused)
                when (refused.Error == ServiceErrors.EpochMismatch && attempt < options.CommitAttempts)
            {
                await serviceLog.CatchUpAsync(conversation, mayRejoin: true, cancellation).ConfigureAwait(false);
            }
        }
    }
}
