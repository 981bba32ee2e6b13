using System.Text;
using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>Conversations that let a new device in after another one of its account has approved it.</summary>
public sealed partial class ConversationManager
{
    private const string NotApproved = "DeviceNotApproved";

    /// <summary>
    /// Lets another device of the account into a conversation that requires it (<see cref="MlsClientOptions.RequireDeviceApproval"/>): for one join, and while this device is in.
    /// </summary>
    /// <param name="conversationId">The conversation.</param>
    /// <param name="deviceId">The other device.</param>
    /// <param name="signatureKey">Its <see cref="SignatureKeyAsync"/>, taken from the device itself, such as by a QR code: never from the service, which has what the account's server enrolled.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>From when it may join.</returns>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>InvalidRequest</c> where that key is not enrolled for the device.</exception>
    public async Task<DateTimeOffset> ApproveDeviceAsync(
        string conversationId,
        string deviceId,
        ReadOnlyMemory<byte> signatureKey,
        CancellationToken cancellation = default
    ) =>
        (
            await Signed(
                    conversationId,
                    Lexicons.ApproveDevice.Nsid,
                    $"{deviceId}\n{Convert.ToHexStringLower(signatureKey.Span)}",
                    (epoch, signature) =>
                        _service.Call(
                            Lexicons.ApproveDevice,
                            new()
                            {
                                ConvoId = conversationId,
                                DeviceId = deviceId,
                                SignaturePublicKey = Convert.ToBase64String(signatureKey.Span),
                                ApprovingDeviceId = _options.DeviceId,
                                Epoch = epoch,
                                Signature = signature,
                            },
                            cancellation
                        ),
                    cancellation
                )
                .ConfigureAwait(false)
        ).ApprovedAt;

    /// <summary>Changes whether the conversation requires that. Only admins may, and once in an epoch.</summary>
    /// <exception cref="MlsClientException">The service's refusal, such as <c>NotAdmin</c>.</exception>
    public Task SetDeviceApprovalAsync(
        string conversationId,
        bool required,
        CancellationToken cancellation = default
    ) =>
        Signed(
            conversationId,
            Lexicons.SetDeviceApproval.Nsid,
            required ? "required" : "notRequired",
            (epoch, signature) =>
                _service.Call(
                    Lexicons.SetDeviceApproval,
                    new()
                    {
                        ConvoId = conversationId,
                        Required = required,
                        DeviceId = _options.DeviceId,
                        Epoch = epoch,
                        Signature = signature,
                    },
                    cancellation
                ),
            cancellation
        );

    /// <summary>Sends what is signed with the key in the device's leaf, over lines of which the first are the same; signed anew where the epoch has moved.</summary>
    private Task<T> Signed<T>(
        string conversationId,
        string label,
        string lines,
        Func<long, string, Task<T>> send,
        CancellationToken cancellation
    ) =>
        With(
            conversationId,
            async conversation =>
            {
                for (int attempt = 1; ; attempt++)
                {
                    var group = conversation.Live;
                    ulong epoch = group.CurrentEpoch;
                    var client = await _keys
                        .ForAsync(group.PublicGroup.CipherSuite, cancellation)
                        .ConfigureAwait(false);
                    byte[] content = Encoding.UTF8.GetBytes(
                        $"{Convert.ToHexStringLower(group.GroupId.Span)}\n{epoch}\n{_options.Did}\n{lines}"
                    );
                    byte[] signature = Mls
                        .CipherSuite.Get(group.PublicGroup.CipherSuite)
                        .SignWithLabel(client.SignatureKey.PrivateKey, label, content);
                    try
                    {
                        return await send((long)epoch, Convert.ToBase64String(signature)).ConfigureAwait(false);
                    }
                    catch (MlsClientException overtaken)
                        when (overtaken.Error == "EpochMismatch" && attempt < _options.CommitAttempts)
                    {
                        await CatchUp(conversation, mayRejoin: false, cancellation).ConfigureAwait(false);
                        await Task.Delay(Jitter(attempt), _options.Clock, cancellation).ConfigureAwait(false);
                    }
                }
            },
            cancellation
        );

    /// <summary>The public signature key with which this device joins a conversation, for another device that approves it; enrolled.</summary>
    /// <exception cref="MlsClientException">The service's refusal.</exception>
    public Task<byte[]> SignatureKeyAsync(string conversationId, CancellationToken cancellation = default) =>
        With(
            conversationId,
            async conversation =>
                (
                    await _keys
                        .ForAsync(await SuiteOf(conversation, cancellation).ConfigureAwait(false), cancellation)
                        .ConfigureAwait(false)
                ).SignatureKey.PublicKey.ToArray(),
            cancellation
        );

    /// <summary>The device has been approved: it joins, unless it is in.</summary>
    internal Task<SyncResult?> JoinApprovedAsync(string conversationId, CancellationToken cancellation) =>
        With(
            conversationId,
            async conversation =>
            {
                if (conversation.Group is { HasEnded: false })
                    return null;
                var rejoin = await Rejoin(conversation, cancellation).ConfigureAwait(false);
                return rejoin.Joined ? new SyncResult(conversationId, rejoin.Epoch, [], 0, 0, false, rejoin) : null;
            },
            cancellation
        );
}
