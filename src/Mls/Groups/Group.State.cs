using System.Security.Cryptography;

namespace MlsConsole.Mls;

public sealed partial class Group
{
    private const byte StateVersion = 1;

    /// <summary>
    /// Encodes the whole state of the group with its secrets, encrypted with a key of the application.
    /// </summary>
    /// <remarks>
    /// Save the group after every call that changes it, and replace the state that was saved before: keys that have
    /// been used are deleted from the new state, but not from an old copy.
    /// </remarks>
    /// <param name="key">32 bytes that the application keeps, such as in the device's key store.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public byte[] Save(ReadOnlySpan<byte> key) =>
        SavedState.Seal(SavedState.Kind.Group, StateVersion, WriteState(), key);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="client">The member's client. The group uses the client until the group is disposed.</param>
    /// <param name="saved">
    /// The state that was saved last. A group that is loaded from an older state would use message keys twice.
    /// </param>
    /// <param name="key">The key with which the state was saved.</param>
    /// <param name="preSharedKeys">
    /// The external pre-shared keys that the application knows; they are not part of the state.
    /// </param>
    /// <exception cref="SavedStateException">The state cannot be decrypted and read.</exception>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public static Group Load(
        Client client,
        ReadOnlySpan<byte> saved,
        ReadOnlySpan<byte> key,
        PreSharedKeys? preSharedKeys = null
    )
    {
        var state = SavedState.Open(SavedState.Kind.Group, StateVersion, saved, key);
        try
        {
            return ReadState(client, state, preSharedKeys);
        }
        catch (MlsException broken)
        {
            throw new SavedStateException("state.form", "The state was not written by this library.", broken);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(state);
        }
    }

    // struct {
    //     Epoch current; uint8 ended; PastEpoch past<V>; ResumptionKey resumption<V>;
    //     opaque proposals<V><V>;    // each an AuthenticatedContent
    //     KeyPair update_keys<V>; optional<Pending> pending;
    // } Group;
    // struct {
    //     opaque commit<V>; optional<opaque<V>> welcome; opaque group_info<V>;
    //     optional<Epoch> epoch;     // absent for an external commit, whose epoch is the current one
    // } Pending;
    internal TlsWriter WriteState()
    {
        var writer = new TlsWriter(16384, holdsSecrets: true);
        _epoch.Write(writer);
        writer.WritePresence(_ended);
        int start = writer.BeginVector();
        foreach (var past in _past)
            past.Write(writer);
        start = writer.EndVector(start).BeginVector();
        foreach (var (groupId, epoch, secret) in _resumption.Items)
            writer.WriteOpaque(groupId.Span).WriteUInt64(epoch).WriteOpaque(secret);
        start = writer.EndVector(start).BeginVector();
        foreach (var proposal in _proposals)
            writer.WriteOpaque(proposal.Encode());
        start = writer.EndVector(start).BeginVector();
        foreach (var pair in _updateKeys.Values)
            writer.WriteOpaque(pair.PublicKey).WriteOpaque(pair.PrivateKey);
        writer.EndVector(start).WritePresence(_pending is not null);
        if (_pending is null)
            return writer;
        writer.WriteOpaque(_pending.Commit).WritePresence(_pending.Welcome is not null);
        if (_pending.Welcome is not null)
            writer.WriteOpaque(_pending.Welcome);
        bool own = !ReferenceEquals(_pending.Epoch, _epoch);
        writer.WriteOpaque(_pending.GroupInfo).WritePresence(own);
        if (own)
            _pending.Epoch.Write(writer);
        return writer;
    }

    // The secrets that the group holds, for the tests of zeroing and forward secrecy.
    internal IEnumerable<byte[]> LiveSecrets() =>
        [
            .. _epoch.Secrets.All,
            .. _epoch.Messages.Secrets,
            .. _epoch.Keys.Secrets,
            .. _resumption.Items.Select(item => item.Secret),
        ];

    internal IEnumerable<byte[]> MessageSecrets() => _epoch.Messages.Secrets;

    internal (byte[] Key, byte[] Nonce) MessageKey(LeafIndex leaf, uint generation) =>
        _epoch.Messages.Get(leaf, handshake: false, generation);

    private static Group ReadState(Client client, byte[] state, PreSharedKeys? preSharedKeys)
    {
        var reader = new TlsReader(state);
        var group = new Group(client, preSharedKeys, Epoch.Read(ref reader));
        // The saved state has its own list of resumption keys.
        group._resumption.Dispose();
        group._ended = reader.ReadPresence();
        for (var past = reader.ReadVector(); !past.AtEnd; )
            group._past.Add(PastEpoch.Read(ref past, group._epoch.Group.Suite));
        for (var keys = reader.ReadVector(); !keys.AtEnd; )
            group._resumption.Add(keys.ReadOpaque().ToArray(), keys.ReadUInt64(), keys.ReadOpaque().Span);
        for (var proposals = reader.ReadVector(); !proposals.AtEnd; )
            group._proposals.Add(AuthenticatedContent.Decode(proposals.ReadOpaque().ToArray()));
        for (var pairs = reader.ReadVector(); !pairs.AtEnd; )
        {
            var pair = new SecretKeyPair(pairs.ReadOpaque().ToArray(), pairs.ReadOpaque().ToArray());
            group._updateKeys[pair.PublicKey] = pair;
        }
        if (reader.ReadPresence())
        {
            var commit = reader.ReadOpaque().ToArray();
            var welcome = reader.ReadPresence() ? reader.ReadOpaque().ToArray() : null;
            var groupInfo = reader.ReadOpaque().ToArray();
            group._pending = new(
                commit,
                welcome,
                groupInfo,
                reader.ReadPresence() ? Epoch.Read(ref reader) : group._epoch
            );
        }
        reader.RequireEnd();
        return group;
    }
}
