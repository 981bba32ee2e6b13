using System.Buffers.Binary;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>One conversation of the device. What is done with it is done under its gate.</summary>
internal sealed class Conversation(string id) : IDisposable
{
    private readonly Queue<PublicGroup> _past = [];

    public string Id { get; } = id;
    public SemaphoreSlim Gate { get; } = new(1);
    public bool Loaded { get; private set; }

    /// <summary>Null for a device that never was a member, or lost everything.</summary>
    public Group? Group { get; private set; }

    /// <summary>The last entry of the service's log that was taken.</summary>
    public long LastSeq { get; set; }

    /// <summary>What was taken and is in no result yet.</summary>
    public Taken Taken { get; set; } = new();

    /// <summary>The group, for a device that is a member.</summary>
    public Group Live =>
        Group is { HasEnded: false } group
            ? group
            : throw new MlsClientException(
                ClientErrors.NoState,
                "The device is not in the group of this conversation: it has to join or rejoin."
            );

    // int64 last_seq; uint16 cipher_suite; the group
    public async Task LoadAsync(MlsStore store, DeviceKeys keys, CancellationToken cancellation)
    {
        if (Loaded)
            return;
        if (await store.ReadAsync(Name, cancellation).ConfigureAwait(false) is { } saved)
        {
            LastSeq = BinaryPrimitives.ReadInt64BigEndian(saved);
            var client = await keys.ForAsync(BinaryPrimitives.ReadUInt16BigEndian(saved.AsSpan(8)), cancellation)
                .ConfigureAwait(false);
            Group = Group.Load(client, saved.AsSpan(10), store.StateKey.Span);
        }
        Loaded = true;
    }

    /// <summary>Goes back to the state that was saved last.</summary>
    public Task ReloadAsync(MlsStore store, DeviceKeys keys, CancellationToken cancellation)
    {
        Unload();
        return LoadAsync(store, keys, cancellation);
    }

    /// <summary>Saves the state together with other entries. Done after each message sent or received, so that used keys are gone.</summary>
    public async Task SaveAsync(
        MlsStore store,
        CancellationToken cancellation,
        IEnumerable<KeyValuePair<string, byte[]?>>? others = null
    )
    {
        var group = Group!.Save(store.StateKey.Span);
        var saved = new byte[10 + group.Length];
        BinaryPrimitives.WriteInt64BigEndian(saved, LastSeq);
        BinaryPrimitives.WriteUInt16BigEndian(saved.AsSpan(8), Group.PublicGroup.CipherSuite);
        group.CopyTo(saved, 10);
        await store.WriteAsync(cancellation, [new(Name, saved), .. others ?? []]).ConfigureAwait(false);
    }

    /// <summary>Takes a group that was joined. Messages of a state before it stay readable.</summary>
    /// <param name="joined">The group.</param>
    /// <param name="seq">The commit that let the device in.</param>
    public void Take(Group joined, long seq)
    {
        if (Group is null)
            LastSeq = seq;
        else if (!Group.GroupId.Span.SequenceEqual(joined.GroupId.Span) || Group.CurrentEpoch >= joined.CurrentEpoch)
            Group.Dispose();
        else
            joined.KeepPastOf(Group);
        Group = joined;
    }

    /// <summary>Remembers who was where before an epoch ends, for the messages of it that come late.</summary>
    public void Remember(PublicGroup ending)
    {
        _past.Enqueue(ending);
        if (_past.Count > 3)
            _past.Dequeue();
    }

    /// <summary>Whose a leaf was in an epoch.</summary>
    public ReadOnlyMemory<byte>? IdentityOf(ulong epoch, LeafIndex leaf) =>
        (epoch == Group!.CurrentEpoch ? Group.PublicGroup : _past.FirstOrDefault(past => past.Epoch == epoch))
            ?.Leaf(leaf)
            ?.Credential.Identity;

    private string Name => $"group/{Id}";

    public void Forget()
    {
        Group?.Dispose();
        (Group, LastSeq) = (null, 0);
        _past.Clear();
    }

    /// <summary>Drops what is not saved.</summary>
    public void Unload()
    {
        Group?.Dispose();
        (Group, LastSeq, Loaded) = (null, 0, false);
    }

    public void Dispose()
    {
        Group?.Dispose();
        Gate.Dispose();
    }
}

/// <summary>What entries of the log brought.</summary>
internal sealed class Taken
{
    public List<IncomingMessage> Messages { get; } = [];
    public int Commits { get; set; }
    public int Unreadable { get; set; }
    public bool Removed { get; set; }

    public void Add(Taken later)
    {
        Messages.AddRange(later.Messages);
        Commits += later.Commits;
        Unreadable += later.Unreadable;
        Removed |= later.Removed;
    }
}
