using System.Text;
using System.Text.Json.Nodes;

namespace MlsConsole.Mls.Tests;

/// <summary>A history of our own groups in the passive-client format, with <c>group_info_after</c>.</summary>
internal sealed class PassiveHistory : IDisposable
{
    private readonly List<IDisposable> _disposables = [];
    private readonly List<Group> _members = [];
    private readonly PreSharedKeys _psks = new PreSharedKeys().Add("pre-shared"u8.ToArray(), "key"u8);
    private readonly ushort _suite;
    private readonly JsonArray _epochs = [];
    private JsonArray _proposals = [];

    private PassiveHistory(ushort suite) => _suite = suite;

    /// <summary>
    /// The passive client joins. Then there are public and private commits, proposals by value and by reference, a PSK,
    /// an external join, a resync and a removal.
    /// </summary>
    public static JsonObject Create(ushort suite)
    {
        using var history = new PassiveHistory(suite);
        return history.Build();
    }

    private JsonObject Build()
    {
        var (alice, bob) = (Client("alice"), Client("bob"));
        _members.Add(Keep(Group.Create(alice, preSharedKeys: _psks)));
        Join(bob);

        var passive = Client("passive");
        var package = Keep(passive.CreateKeyPackage());
        var pending = _members[0]
            .Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())], PreSharedKeys = [PreSharedKey()] });
        _members[1].Receive(pending.Commit);
        _members[0].MergePendingCommit();
        var test = new JsonObject
        {
            ["cipher_suite"] = _suite,
            ["external_psks"] = new JsonArray(
                new JsonObject { ["psk_id"] = Hex("pre-shared"u8), ["psk"] = Hex("key"u8) }
            ),
            ["key_package"] = Hex(package.Encode()),
            ["signature_priv"] = Hex(passive.SignatureKey.PrivateKey),
            ["encryption_priv"] = Hex(package.Encryption.PrivateKey),
            ["init_priv"] = Hex(package.Init.PrivateKey),
            ["welcome"] = Hex(pending.Welcome),
            ["ratchet_tree"] = null,
            ["initial_epoch_authenticator"] = Hex(_members[0].EpochAuthenticator),
        };

        Commit(0, new());
        Propose(1, by => by.ProposeUpdate());
        Commit(0, new());
        Commit(1, new() { PreSharedKeys = [PreSharedKey()] });
        External(Client("carol"), null);
        Commit(
            2,
            new()
            {
                Add = [UnverifiedKeyPackage.Decode(Keep(Client("dave").CreateKeyPackage()).Encode())],
                ForcePath = false,
            }
        );
        var old = _members[1];
        _members.RemoveAt(1);
        External(bob, old.OwnLeaf);
        Propose(2, by => by.ProposeUpdate(encrypt: true));
        Commit(0, new() { Encrypt = true });
        Commit(1, new() { Remove = [_members[2].OwnLeaf] }, removed: 2);
        test["epochs"] = _epochs;
        return test;
    }

    private PreSharedKeyId PreSharedKey() =>
        PreSharedKeyId.External(
            "pre-shared"u8.ToArray(),
            System.Security.Cryptography.RandomNumberGenerator.GetBytes(CipherSuite.Get(_suite).HashLength)
        );

    private void Join(Client client)
    {
        var package = Keep(client.CreateKeyPackage());
        var pending = _members[0].Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
        _members[0].MergePendingCommit();
        _members.Add(
            Keep(
                Group.JoinByWelcome(client, package, MlsMessage.Decode(pending.Welcome!).Welcome!, preSharedKeys: _psks)
            )
        );
    }

    private void Propose(int member, Func<Group, byte[]> propose)
    {
        var proposal = propose(_members[member]);
        foreach (var other in _members.Where(other => other != _members[member]))
            other.Receive(proposal);
        _proposals.Add(Hex(proposal));
    }

    private void Commit(int member, CommitOptions options, int? removed = null)
    {
        var by = _members[member];
        var pending = by.Commit(options);
        foreach (var other in _members.Where(other => other != by))
            other.Receive(pending.Commit);
        by.MergePendingCommit();
        if (removed is { } gone)
            _members.RemoveAt(gone);
        Record(pending, by);
    }

    private void External(Client client, LeafIndex? remove)
    {
        var joined = Keep(
            Group.JoinByExternalCommit(
                client,
                UnverifiedGroupInfo.Decode(_members[0].CreateGroupInfo()),
                remove: remove,
                preSharedKeys: _psks
            )
        );
        var pending = joined.Pending!;
        foreach (var other in _members)
            other.Receive(pending.Commit);
        joined.MergePendingCommit();
        _members.Add(joined);
        Record(pending, joined);
    }

    /// <summary>
    /// Every second GroupInfo is one that the committer makes later, without a tree; every third epoch has none.
    /// </summary>
    private void Record(PendingCommit pending, Group by)
    {
        var epoch = new JsonObject
        {
            ["proposals"] = _proposals,
            ["commit"] = Hex(pending.Commit),
            ["epoch_authenticator"] = Hex(by.EpochAuthenticator),
        };
        if (_epochs.Count % 3 != 2)
            epoch["group_info_after"] = Hex(
                _epochs.Count % 2 == 0 ? pending.GroupInfo : by.CreateGroupInfo(includeTree: false)
            );
        _epochs.Add(epoch);
        _proposals = [];
    }

    private Client Client(string name) => Keep(new Client(_suite, Credential.Basic(Encoding.UTF8.GetBytes(name))));

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private T Keep<T>(T item)
        where T : IDisposable
    {
        _disposables.Add(item);
        return item;
    }

    public void Dispose()
    {
        _disposables.ForEach(item => item.Dispose());
        _psks.Dispose();
    }
}
