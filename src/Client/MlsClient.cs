using MlsConsole.Lexicon;

namespace MlsConsole.Clients;

/// <summary>One device of one account at an MLS delivery service.</summary>
/// <remarks>
/// A client may be used by several threads at once: calls that concern one conversation happen one after the other. No
/// two clients may use one store.
/// </remarks>
public sealed class MlsClient : IAsyncDisposable
{
    private readonly MlsClientOptions _options;
    private readonly ServiceConnection _service;
    private readonly DeviceKeys _keys;
    private readonly ConversationGate _gate;
    private readonly RejoinReports _reports;

    /// <summary>Makes a client. It asks the service nothing before its first call.</summary>
    public MlsClient(MlsClientOptions options)
    {
        _options = options;
        _service = new(options);
        _keys = new(options, _service);
        _gate = new(options.Store, _keys);
        _reports = new(options, _service);
        Conversations = new(options, _service, _keys, _gate, _reports);
        Events = new(options, _service, Conversations);
    }

    /// <summary>The account's conversations.</summary>
    public ConversationManager Conversations { get; }

    /// <summary>What happens in the conversations, as it happens.</summary>
    public ConversationEvents Events { get; }

    /// <summary>
    /// Enrols the device where it is not enrolled, publishes key packages, and brings back every conversation whose
    /// state was lost.
    /// </summary>
    /// <returns>What came of each lost conversation. The list is empty where none was lost, as most times.</returns>
    /// <exception cref="MlsClientException">The service refused the device or could not be reached.</exception>
    public async Task<IReadOnlyList<Recovery>> StartAsync(CancellationToken cancellation = default)
    {
        await _keys.KeepKeyPackagesAsync(cancellation).ConfigureAwait(false);
        return await Conversations.RecoverLostConversationsAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Joins a conversation that the account belongs to, at once and with nobody's help: by an external commit.
    /// </summary>
    /// <exception cref="MlsClientException">The service refused the join.</exception>
    public Task<RejoinResult> JoinByExternalCommitAsync(
        string conversationId,
        CancellationToken cancellation = default
    ) => Conversations.JoinByExternalCommitAsync(conversationId, cancellation);

    /// <summary>Publishes key packages when few are left. Call this now and then.</summary>
    /// <returns>How many key packages were published.</returns>
    public Task<int> KeepKeyPackagesAsync(CancellationToken cancellation = default) =>
        _keys.KeepKeyPackagesAsync(cancellation);

    /// <summary>Calls any procedure of the service.</summary>
    /// <param name="method">The procedure's descriptor in <see cref="Lexicons"/>.</param>
    /// <param name="input">The procedure's input. An idempotency key is added where it has none.</param>
    /// <param name="cancellation">Ends the waiting; what was asked for may still happen.</param>
    /// <exception cref="MlsClientException">The refusal, or that no answer came.</exception>
    public Task<TOutput> Call<TInput, TOutput>(
        Procedure<TInput, TOutput> method,
        TInput input,
        CancellationToken cancellation = default
    ) => _service.CallAsync(method, input, cancellation);

    /// <summary>Calls any query of the service.</summary>
    /// <param name="method">The query's descriptor in <see cref="Lexicons"/>.</param>
    /// <param name="parameters">The query's parameters.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlsClientException">The refusal, or that no answer came.</exception>
    public Task<TOutput> Call<TParameters, TOutput>(
        Query<TParameters, TOutput> method,
        TParameters parameters,
        CancellationToken cancellation = default
    ) => _service.CallAsync(method, parameters, cancellation);

    /// <summary>
    /// Tells the service how rejoins ended that it was not told of yet, forgets all secrets in memory and closes the
    /// store.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _reports.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
        _keys.Dispose();
        _service.Dispose();
        await _options.Store.DisposeAsync().ConfigureAwait(false);
    }
}
