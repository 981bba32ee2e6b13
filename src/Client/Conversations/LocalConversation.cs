using System.Diagnostics.CodeAnalysis;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// What this device has of one conversation: the group, and its place in the service's log. Used only inside the
/// <see cref="ConversationGate"/>.
/// </summary>
internal sealed class LocalConversation(string id, MlsStore store, DeviceKeys keys) : IDisposable
{
    private const int RememberedEpochs = 3;
    private readonly Queue<PublicGroup> _endedEpochs = [];
    private bool _isLoaded;

    public string Id { get; } = id;

    /// <summary>Held by whoever is inside the gate.</summary>
    public SemaphoreSlim Semaphore { get; } = new(1);

    /// <summary>
    /// The group, also one that the device was removed from; null for a device without any state of it.
    /// </summary>
    public Group? Group { get; private set; }

    /// <summary>Whether the device is a member of the group, as far as it knows.</summary>
    [MemberNotNullWhen(true, nameof(Group))]
    public bool IsMember => Group is { HasEnded: false };

    /// <summary>The group of which the device is a member.</summary>
    /// <exception cref="MlsClientException"><see cref="ClientErrors.NoState"/>: the device is no member.</exception>
    public Group GroupAsMember =>
        IsMember
            ? Group
            : throw new MlsClientException(
                ClientErrors.NoState,
                "The device is not in the group of this conversation: it has to join or rejoin."
            );

    /// <summary>The sequence number of the last entry of the service's log that the device has taken.</summary>
    public long LastSeq { get; set; }

    /// <summary>What entries of the log brought and no <see cref="SyncResult"/> has told yet.</summary>
    public LogYield Untold { get; set; } = new();

    /// <summary>What the application is shown of the conversation; null where the device is no member.</summary>
    public ConversationView? View() =>
        IsMember
            ? new(
                Group.CurrentEpoch,
                [.. Group.PublicGroup.Members.Select(static member => member.Leaf.Credential.Identity)],
                Group.EpochAuthenticator,
                LastSeq
            )
            : null;

    /// <summary>Reads the state from the store, where this was not done yet.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        if (_isLoaded)
            return;
        if (await StoredGroup.ReadAsync(store, Id, cancellation).ConfigureAwait(false) is { } saved)
        {
            LastSeq = saved.LastSeq;
            Group = saved.Open(await keys.ForAsync(saved.CipherSuite, cancellation).ConfigureAwait(false), store);
        }
        _isLoaded = true;
    }

    /// <summary>Goes back to the state that was saved last.</summary>
    public Task ReloadAsync(CancellationToken cancellation)
    {
        Unload();
        return LoadAsync(cancellation);
    }

    /// <summary>
    /// Saves the state. This is done after each message that was sent or received, so that the store has no message key
    /// any more that was used.
    /// </summary>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <param name="others">Other entries, written in the same transaction.</param>
    public async Task SaveAsync(CancellationToken cancellation, params IReadOnlyList<StoreEntry> others) =>
        await store
            .WriteAsync(cancellation, [StoredGroup.Of(Id, LastSeq, Group!, store).ToEntry(), .. others])
            .ConfigureAwait(false);

    /// <summary>
    /// Takes a group that the device has joined. Messages of the epochs before the join stay readable.
    /// </summary>
    /// <param name="joined">The group.</param>
    /// <param name="seq">The sequence number of the commit that let the device in.</param>
    public void Enter(Group joined, long seq)
    {
        if (Group is null)
            LastSeq = seq;
        else if (!Group.GroupId.Span.SequenceEqual(joined.GroupId.Span) || Group.CurrentEpoch >= joined.CurrentEpoch)
            Group.Dispose();
        else
            joined.KeepPastOf(Group);
        Group = joined;
    }

    /// <summary>Remembers the members of an epoch that ends, for its messages that come late.</summary>
    public void Remember(PublicGroup ending)
    {
        _endedEpochs.Enqueue(ending);
        if (_endedEpochs.Count > RememberedEpochs)
            _endedEpochs.Dequeue();
    }

    /// <summary>
    /// The credential identity of the member at a leaf in an epoch; null where the epoch is not remembered.
    /// </summary>
    public ReadOnlyMemory<byte>? IdentityOf(ulong epoch, LeafIndex leaf) =>
        (epoch == Group!.CurrentEpoch ? Group.PublicGroup : _endedEpochs.FirstOrDefault(past => past.Epoch == epoch))
            ?.Leaf(leaf)
            ?.Credential.Identity;

    /// <summary>Deletes all that the device has of the conversation, also a leave that is under way.</summary>
    public async Task ForgetAsync(CancellationToken cancellation)
    {
        await store.WriteAsync(cancellation, StoredGroup.Deletion(Id), StoredLeave.Deletion(Id)).ConfigureAwait(false);
        Group?.Dispose();
        (Group, LastSeq) = (null, 0);
        _endedEpochs.Clear();
    }

    /// <summary>Drops the state in memory: the next one inside the gate finds what was saved last.</summary>
    public void Unload()
    {
        Group?.Dispose();
        (Group, LastSeq, _isLoaded) = (null, 0, false);
    }

    public void Dispose()
    {
        Group?.Dispose();
        Semaphore.Dispose();
    }
}
