using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// Conversations that let a new device in only after another device of its account has approved it: signs approvals,
/// and whether a conversation requires them, with the key in this device's leaf.
/// </summary>
internal sealed class ApprovalSigning(
    MlsClientOptions options,
    ServiceConnection service,
    DeviceKeys keys,
    ConversationLookup lookup,
    LogFollowing serviceLog
)
{
    /// <summary>Approves another device; see <see cref="ConversationManager.ApproveDeviceAsync"/>.</summary>
    public async Task<DateTimeOffset> ApproveAsync(
        LocalConversation conversation,
        string deviceId,
        ReadOnlyMemory<byte> signatureKey,
        CancellationToken cancellation
    )
    {
        var answer = await SendSignedAsync(
                conversation,
                Lexicons.ApproveDevice.Nsid,
                $"{deviceId}\n{Convert.ToHexStringLower(signatureKey.Span)}",
                (epoch, signature) =>
                    service.CallAsync(
                        Lexicons.ApproveDevice,
                        new()
                        {
                            ConvoId = conversation.Id,
                            DeviceId = deviceId,
                            SignaturePublicKey = Convert.ToBase64String(signatureKey.Span),
                            ApprovingDeviceId = options.DeviceId,
                            Epoch = epoch,
                            Signature = signature,
                        },
                        cancellation
                    ),
                cancellation
            )
            .ConfigureAwait(false);
        return answer.ApprovedAt;
    }

    /// <summary>
    /// Sets whether the conversation requires approvals; see <see cref="ConversationManager.SetDeviceApprovalAsync"/>.
    /// </summary>
    public Task SetRequiredAsync(LocalConversation conversation, bool required, CancellationToken cancellation) =>
        SendSignedAsync(
            conversation,
            Lexicons.SetDeviceApproval.Nsid,
            required ? "required" : "notRequired",
            (epoch, signature) =>
                service.CallAsync(
                    Lexicons.SetDeviceApproval,
                    new()
                    {
                        ConvoId = conversation.Id,
                        Required = required,
                        DeviceId = options.DeviceId,
                        Epoch = epoch,
                        Signature = signature,
                    },
                    cancellation
                ),
            cancellation
        );

    /// <summary>
    /// The key that another device approves; see <see cref="ConversationManager.SignatureKeyAsync"/>.
    /// </summary>
    public async Task<byte[]> SignatureKeyAsync(LocalConversation conversation, CancellationToken cancellation)
    {
        ushort suite = await lookup.CipherSuiteAsync(conversation, cancellation).ConfigureAwait(false);
        var client = await keys.ForAsync(suite, cancellation).ConfigureAwait(false);
        return client.SignatureKey.PublicKey.ToArray();
    }

    /// <summary>Signs for the device's epoch and sends; signs anew where the epoch has moved meanwhile.</summary>
    /// <param name="conversation">The conversation.</param>
    /// <param name="label">The method's NSID, as the label of SignWithLabel (RFC 9420 §5.1.2).</param>
    /// <param name="lines">The last lines of what is signed, after the group id, the epoch and the account.</param>
    /// <param name="send">Sends the epoch and the signature in base64.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    private async Task<T> SendSignedAsync<T>(
        LocalConversation conversation,
        string label,
        string lines,
        Func<long, string, Task<T>> send,
        CancellationToken cancellation
    )
    {
        for (int attempt = 1; ; attempt++)
        {
            var group = conversation.GroupAsMember;
            ulong epoch = group.CurrentEpoch;
            ushort suite = group.PublicGroup.CipherSuite;
            var client = await keys.ForAsync(suite, cancellation).ConfigureAwait(false);
            byte[] content = Encoding.UTF8.GetBytes(
                $"{Convert.ToHexStringLower(group.GroupId.Span)}\n{epoch}\n{options.Did}\n{lines}"
            );
            byte[] signature = CipherSuite.Get(suite).SignWithLabel(client.SignatureKey.PrivateKey, label, content);
            try
            {
                return await send((long)epoch, Convert.ToBase64String(signature)).ConfigureAwait(false);
            }
            catch (MlsClientException overtaken)
                when (overtaken.Error == ServiceErrors.EpochMismatch && attempt < options.CommitAttempts)
            {
                await serviceLog.CatchUpAsync(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                await Task.Delay(Jitter.Of(attempt), options.Clock, cancellation).ConfigureAwait(false);
            }
        }
    }
}
