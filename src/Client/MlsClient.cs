using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>One device of one account at an MLS delivery service.</summary>
/// <remarks>Safe for use by several threads: what concerns one conversation happens one after the other. One store has one client.</remarks>
public sealed class MlsClient : IAsyncDisposable
{
    private readonly MlsClientOptions _options;
    private readonly ServiceConnection _service;
    private readonly DeviceKeys _keys;
    private readonly RejoinReports _reports;

    /// <summary>A client; it asks the service nothing before its first call.</summary>
    public MlsClient(MlsClientOptions options)
    {
        _options = options;
        _service = new(options);
        _keys = new(options, _service);
        _reports = new(options, _service);
        Conversations = new(options, _service, _keys, _reports);
        Events = new(options, _service, Conversations);
    }

    /// <summary>The account's conversations.</summary>
    public ConversationManager Conversations { get; }

    /// <summary>What happens in them, as it happens.</summary>
    public ConversationEvents Events { get; }

    /// <summary>Enrols the device where it is not, publishes key packages, and brings back every conversation whose state was lost.</summary>
    /// <returns>What came of each lost conversation; most times nothing.</returns>
    /// <exception cref="MlsClientException">The service refused the device or could not be reached.</exception>
    public async Task<IReadOnlyList<Recovery>> StartAsync(CancellationToken cancellation = default)
    {
        await _keys.KeepKeyPackagesAsync(cancellation).ConfigureAwait(false);
        return await Conversations.RecoverLostConversationsAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Joins a conversation that the account belongs to, at once and with nobody's help: by one external commit.</summary>
    /// <exception cref="MlsClientException">The service refused it.</exception>
    public Task<RejoinResult> JoinByExternalCommitAsync(
        string conversationId,
        CancellationToken cancellation = default
    ) => Conversations.JoinByExternalCommitAsync(conversationId, cancellation);

    /// <summary>Publishes key packages when few are left; call it now and then.</summary>
    /// <returns>How many were published.</returns>
    public Task<int> KeepKeyPackagesAsync(CancellationToken cancellation = default) =>
        _keys.KeepKeyPackagesAsync(cancellation);

    /// <summary>Calls any procedure of the service.</summary>
    /// <param name="method">Its descriptor in <see cref="Lexicons"/>.</param>
    /// <param name="input">Its input; an idempotency key is added where it has none.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The refusal, or that no answer came.</exception>
    public Task<TOutput> Call<TInput, TOutput>(
        Procedure<TInput, TOutput> method,
        TInput input,
        CancellationToken cancellation = default
    ) => _service.Call(method, input, cancellation);

    /// <summary>Calls any query of the service.</summary>
    /// <param name="method">Its descriptor in <see cref="Lexicons"/>.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlsClientException">The refusal, or that no answer came.</exception>
    public Task<TOutput> Call<TParameters, TOutput>(
        Query<TParameters, TOutput> method,
        TParameters parameters,
        CancellationToken cancellation = default
    ) => _service.Call(method, parameters, cancellation);

    /// <summary>Tells the service what it has not been told yet of rejoins, forgets all secrets in memory and closes the store.</summary>
    public async ValueTask DisposeAsync()
    {
        await _reports.DisposeAsync().ConfigureAwait(false);
        Conversations.Dispose();
        _keys.Dispose();
        _service.Dispose();
        await _options.Store.DisposeAsync().ConfigureAwait(false);
    }
}
