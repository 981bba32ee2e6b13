using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>The account's conversations, as this device takes part in them.</summary>
public sealed partial class ConversationManager
{
    private readonly ConcurrentDictionary<string, Conversation> _conversations = new(StringComparer.Ordinal);
    private readonly MlsClientOptions _options;
    private readonly ServiceConnection _service;
    private readonly DeviceKeys _keys;
    private readonly ILogger _log;
    private readonly RejoinReports _reports;

    internal ConversationManager(
        MlsClientOptions options,
        ServiceConnection service,
        DeviceKeys keys,
        RejoinReports reports
    )
    {
        (_options, _service, _keys, _reports) = (options, service, keys, reports);
        _log = (options.Logging ?? NullLoggerFactory.Instance).CreateLogger<ConversationManager>();
    }

    private MlsStore Store => _options.Store;

    /// <summary>Creates a conversation whose only member is this device.</summary>
    /// <param name="metadata">What the service keeps beside it, in the clear.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Its id.</returns>
    public async Task<string> CreateAsync(string? metadata = null, CancellationToken cancellation = default)
    {
        var client = await _keys.ForAsync(_options.CipherSuite, cancellation).ConfigureAwait(false);
        var group = Group.Create(
            client,
            extensions: _options.ListService ? new(await ServiceAsSender(cancellation).ConfigureAwait(false)) : null
        );
        try
        {
            var answer = await _service
                .Call(
                    Lexicons.CreateConvo,
                    new()
                    {
                        GroupInfo = Convert.ToBase64String(group.CreateGroupInfo()),
                        Metadata = metadata,
                        RequireDeviceApproval = _options.RequireDeviceApproval ? true : null,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            return await With(
                    answer.Convo.ConvoId,
                    async conversation =>
                    {
                        conversation.Take(group, 0);
                        await conversation.SaveAsync(Store, cancellation).ConfigureAwait(false);
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

    /// <summary>The extension external_senders with the service's key for the device's cipher suite (RFC 9420 §12.1.8.1).</summary>
    private async Task<Extension> ServiceAsSender(CancellationToken cancellation)
    {
        var info = await _service
            .Call(Lexicons.GetServiceInfo, new GetServiceInfoParameters(), cancellation)
            .ConfigureAwait(false);
        var credential = Credential.Basic(Encoding.UTF8.GetBytes(_options.ServiceDid));
        var suite = CipherSuite.Get(_options.CipherSuite);
        return Served(() =>
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

    /// <summary>The conversation as this device has it; null where it has no state of it, or is no longer in the group.</summary>
    public Task<ConversationView?> ViewAsync(string conversationId, CancellationToken cancellation = default) =>
        With(
            conversationId,
            conversation =>
                Task.FromResult(
                    conversation.Group is { HasEnded: false } group
                        ? new ConversationView(
                            group.CurrentEpoch,
                            [.. group.PublicGroup.Members.Select(member => member.Leaf.Credential.Identity)],
                            group.EpochAuthenticator,
                            conversation.LastSeq
                        )
                        : null
                ),
            cancellation
        );

    /// <summary>Forgets all that the device knows of a conversation. A later rejoin has nothing left to verify the service's group against.</summary>
    public Task ForgetAsync(string conversationId, CancellationToken cancellation = default) =>
        With(
            conversationId,
            async conversation =>
            {
                await Forget(conversation, cancellation).ConfigureAwait(false);
                return true;
            },
            cancellation
        );

    private async Task Forget(Conversation conversation, CancellationToken cancellation)
    {
        await Store
            .WriteAsync(cancellation, new($"group/{conversation.Id}", null), new(NameOfLeave(conversation.Id), null))
            .ConfigureAwait(false);
        conversation.Forget();
    }

    private async Task<T> With<T>(string id, Func<Conversation, Task<T>> action, CancellationToken cancellation)
    {
        var conversation = _conversations.GetOrAdd(id, static id => new(id));
        await conversation.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            await conversation.LoadAsync(Store, _keys, cancellation).ConfigureAwait(false);
            return await action(conversation).ConfigureAwait(false);
        }
        finally
        {
            conversation.Gate.Release();
        }
    }

    /// <summary>Decodes and verifies what the service served.</summary>
    private static T Served<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is MlsException or FormatException)
        {
            throw new MlsClientException(
                ClientErrors.InvalidAnswer,
                $"The service served a broken MLS object: {exception.Message}",
                exception
            )
            {
                Rule = (exception as MlsException)?.Rule.Id,
            };
        }
    }

    internal void Dispose()
    {
        foreach (var conversation in _conversations.Values)
            conversation.Dispose();
    }
}
