using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Creates conversations.</summary>
internal sealed class ConversationCreation(
    MlsClientOptions options,
    ServiceConnection service,
    DeviceKeys keys,
    ConversationGate gate
)
{
    /// <summary>
    /// Creates a conversation whose only member is this device; see <see cref="ConversationManager.CreateAsync"/>.
    /// </summary>
    /// <returns>The conversation's id.</returns>
    public async Task<string> CreateAsync(string? metadata, CancellationToken cancellation)
    {
        var client = await keys.ForAsync(options.CipherSuite, cancellation).ConfigureAwait(false);
        Extensions? extensions = options.ListService
            ? new(await ServiceAsSenderAsync(cancellation).ConfigureAwait(false))
            : null;
        var group = Group.Create(client, extensions: extensions);
        try
        {
            var answer = await service
                .CallAsync(
                    Lexicons.CreateConvo,
                    new()
                    {
                        GroupInfo = Convert.ToBase64String(group.CreateGroupInfo()),
                        Metadata = metadata,
                        RequireDeviceApproval = options.RequireDeviceApproval ? true : null,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            return await gate.EnterAsync(
                    answer.Convo.ConvoId,
                    async conversation =>
                    {
                        conversation.Enter(group, seq: 0);
                        await conversation.SaveAsync(cancellation).ConfigureAwait(false);
                        return conversation.Id;
                    },
                    cancellation
                )
                .ConfigureAwait(false);
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The extension external_senders (RFC 9420 §12.1.8.1) with the service's key for the device's cipher suite.
    /// </summary>
    private async Task<Extension> ServiceAsSenderAsync(CancellationToken cancellation)
    {
        var info = await service
            .CallAsync(Lexicons.GetServiceInfo, new GetServiceInfoParameters(), cancellation)
            .ConfigureAwait(false);
        var credential = Credential.Basic(Encoding.UTF8.GetBytes(options.ServiceDid));
        var suite = CipherSuite.Get(options.CipherSuite);
        return ServedObjects.Read(() =>
        {
            var key =
                info.ExternalSenders.FirstOrDefault(sender =>
                    sender.SignatureScheme == suite.SignatureScheme
                    && Convert.FromBase64String(sender.Credential).AsSpan().SequenceEqual(credential.Encode())
                ) ?? throw new FormatException("no signature key of the service for the cipher suite");
            return Mls.ExternalSender.ToExtension(
                new Mls.ExternalSender(Convert.FromBase64String(key.SignatureKey), credential)
            );
        });
    }
}
