using System.Runtime.CompilerServices;

namespace MlsConsole.Mls.Tests;

/// <summary>What is saved comes back whole, keeps no used key, and is not readable without its key.</summary>
public sealed class Saved_states : GroupTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private Group Reload(Group group, Client client, PreSharedKeys? keys = null) =>
        Keep(Group.Load(client, group.Save(s_key), s_key, keys));

    [Theory, MemberData(nameof(Members_of_a_group.Suites), MemberType = typeof(Members_of_a_group))]
    public void A_member_goes_on_after_a_restart(ushort suite)
    {
        var (aliceClient, bobClient) = (Client(suite, "alice"), Client(suite, "bob"));
        var alice = Keep(Group.Create(aliceClient));
        var bob = Add(alice, bobClient);
        var early = bob.Encrypt("early"u8);
        var update = alice.ProposeUpdate();
        bob.Receive(update);
        alice = Reload(alice, Keep(Mls.Client.Load(aliceClient.Save(s_key), s_key)));
        Commit(bob, new(), alice); // with the key that alice proposed before the restart
        Commit(
            alice,
            new()
            {
                PreSharedKeys =
                [
                    PreSharedKeyId.Resumption(
                        ResumptionUsage.Application,
                        alice.GroupId,
                        1,
                        new byte[CipherSuite.Get(suite).HashLength]
                    ),
                ],
            },
            bob
        );
        var skipped = bob.Encrypt("skipped"u8);
        alice.Receive(bob.Encrypt("second"u8));
        alice = Reload(alice, aliceClient);
        Assert.Equal("early"u8, Assert.IsType<ReceivedMessage>(alice.Receive(early)).Data);
        Assert.Equal("skipped"u8, Assert.IsType<ReceivedMessage>(alice.Receive(skipped)).Data);
        Talk(alice, bob);
        Agree(alice, bob);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_pending_commit_is_merged_or_discarded_after_a_restart(bool accepted)
    {
        var aliceClient = Client(1, "alice");
        var alice = Keep(Group.Create(aliceClient));
        var bob = Add(alice, Client(1, "bob"));
        using var package = Client(1, "carol").CreateKeyPackage();
        var sent = alice.Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
        alice = Reload(alice, aliceClient);
        Assert.Equal(
            (sent.Commit, sent.Welcome, sent.GroupInfo),
            (alice.Pending!.Commit, alice.Pending.Welcome, alice.Pending.GroupInfo),
            new Bytes()
        );
        if (accepted)
        {
            bob.Receive(sent.Commit);
            alice.MergePendingCommit();
        }
        else
            alice.DiscardPendingCommit();
        Agree(alice, bob);
        Commit(bob, new(), alice);
    }

    [Fact]
    public void A_joiner_whose_commit_waits_survives_a_restart()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bobClient = Client(1, "bob");
        var bob = Reload(
            Keep(Group.JoinByExternalCommit(bobClient, UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()))),
            bobClient
        );
        Assert.Throws<InvalidOperationException>(bob.DiscardPendingCommit);
        alice.Receive(bob.Pending!.Commit);
        bob.MergePendingCommit();
        Agree(alice, bob);
        Talk(alice, bob);
    }

    [Fact]
    public void A_key_that_was_used_is_not_in_the_state_that_is_saved_after()
    {
        var aliceClient = Client(1, "alice");
        var alice = Keep(Group.Create(aliceClient));
        var bob = Add(alice, Client(1, "bob"));
        var message = bob.Encrypt("once"u8);
        var before = Reload(alice, aliceClient);
        alice.Receive(message);
        Refused(Rules.RatchetGeneration, () => Reload(alice, aliceClient).Receive(message));

        // The secrets from which it could be derived are gone too: those that the state before has and the state after
        // has not.
        ReadOnlySpan<byte> plainBefore = before.WriteState().WrittenSpan,
            plainAfter = alice.WriteState().WrittenSpan;
        foreach (var secret in before.MessageSecrets())
        {
            Assert.NotEqual(-1, plainBefore.IndexOf(secret));
            Assert.Equal(-1, plainAfter.IndexOf(secret));
        }
        var (key, nonce) = before.MessageKey(bob.OwnLeaf, 0);
        Assert.Equal(-1, plainAfter.IndexOf(key));
        Assert.Equal(-1, plainAfter.IndexOf(nonce));
        Assert.Equal("once"u8, Assert.IsType<ReceivedMessage>(before.Receive(message)).Data);
    }

    [Fact]
    public void Secrets_are_zero_after_dispose()
    {
        var group = Group.Create(Client(1, "alice"));
        var secrets = group.LiveSecrets().ToList();
        Assert.True(secrets.Count > 8 && secrets.TrueForAll(secret => secret.AsSpan().ContainsAnyExcept((byte)0)));
        group.Dispose();
        Assert.DoesNotContain(secrets, secret => secret.AsSpan().ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_key_package_waits_on_disk_for_its_Welcome()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Client(1, "bob");
        using var package = bob.CreateKeyPackage(lastResort: true);
        alice.Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
        var welcome = MlsMessage.Decode(alice.Pending!.Welcome!).Welcome!;
        alice.MergePendingCommit();
        using var loaded = OwnKeyPackage.Load(package.Save(s_key), s_key);
        Assert.True(loaded.KeyPackage.IsLastResort);
        Agree(alice, Keep(Group.JoinByWelcome(Keep(Mls.Client.Load(bob.Save(s_key), s_key)), loaded, welcome)));
    }

    [Fact]
    public void Any_changed_byte_another_key_and_another_kind_are_refused()
    {
        var client = Client(1, "alice");
        var saved = Keep(Group.Create(client)).Save(s_key);
        for (int i = 0; i < saved.Length; i++)
        {
            saved[i] ^= 1;
            string id = Assert.Throws<SavedStateException>(() => Group.Load(client, saved, s_key)).Id;
            Assert.Equal(
                i < 5 ? "state.form"
                    : i == 5 ? "state.version"
                    : "state.sealed",
                id
            );
            saved[i] ^= 1;
        }
        Assert.Equal(
            "state.sealed",
            Assert.Throws<SavedStateException>(() => Group.Load(client, saved, new byte[32])).Id
        );
        Assert.Equal("state.form", Assert.Throws<SavedStateException>(() => Mls.Client.Load(saved, s_key)).Id);
        Assert.Equal(
            "state.form",
            Assert.Throws<SavedStateException>(() => Group.Load(client, saved.AsSpan(0, 20), s_key)).Id
        );
        Assert.Throws<ArgumentException>(() => Group.Load(client, saved, new byte[16]));
        Assert.DoesNotContain(Convert.ToHexString("alice"u8), Convert.ToHexString(saved));
    }

    /// <summary>
    /// States that version 1 wrote are read by every later version. Never write the files of an existing version anew:
    /// add new ones beside them. The files of a new version are written by this test with MLSCONSOLE_WRITE_GOLDEN=1.
    /// </summary>
    [Fact]
    public void Golden_states_of_version_1_are_read()
    {
        if (Environment.GetEnvironmentVariable("MLSCONSOLE_WRITE_GOLDEN") == "1")
            WriteGolden();
        using var alice = Mls.Client.Load(Golden("alice.client"), s_key);
        using var bob = Mls.Client.Load(Golden("bob.client"), s_key);
        using var aliceGroup = Group.Load(alice, Golden("alice.group"), s_key);
        using var bobGroup = Group.Load(bob, Golden("bob.group"), s_key);
        Assert.Equal(
            Golden("late.message-content"),
            Assert.IsType<ReceivedMessage>(aliceGroup.Receive(Golden("late.message"))).Data
        );
        Assert.Equal(Golden("alice.epoch-authenticator"), aliceGroup.EpochAuthenticator);
        Assert.Equal(
            Golden("alice.state").AsSpan(),
            Group.Load(alice, Golden("alice.group"), s_key).WriteState().WrittenSpan
        );
        bobGroup.Receive(aliceGroup.Pending!.Commit);
        aliceGroup.MergePendingCommit();
        Agree(aliceGroup, bobGroup);
        using var package = OwnKeyPackage.Load(Golden("carol.key-package"), s_key);
        using var carol = Mls.Client.Load(Golden("carol.client"), s_key);
        bobGroup.Commit(new() { Add = [UnverifiedKeyPackage.Decode(package.Encode())] });
        using var carolGroup = Group.JoinByWelcome(
            carol,
            package,
            MlsMessage.Decode(bobGroup.Pending!.Welcome!).Welcome!
        );
        bobGroup.MergePendingCommit();
        Agree(bobGroup, carolGroup);
    }

    private void WriteGolden()
    {
        var (aliceClient, bobClient, carolClient) = (Client(1, "alice"), Client(1, "bob"), Client(1, "carol"));
        var alice = Keep(Group.Create(aliceClient));
        var bob = Add(alice, bobClient);
        var late = bob.Encrypt("late"u8);
        Commit(bob, new(), alice);
        alice.Receive(bob.ProposeUpdate());
        bob.Receive(alice.ProposeUpdate());
        alice.Commit(new() { IncludeReceived = false });
        Write("late.message", late);
        Write("late.message-content", "late"u8.ToArray());
        Write("alice.client", aliceClient.Save(s_key));
        Write("bob.client", bobClient.Save(s_key));
        Write("carol.client", carolClient.Save(s_key));
        Write("carol.key-package", Keep(carolClient.CreateKeyPackage()).Save(s_key));
        Write("alice.group", alice.Save(s_key));
        Write("alice.state", alice.WriteState().ToArray());
        Write("alice.epoch-authenticator", alice.EpochAuthenticator);
        Write("bob.group", bob.Save(s_key));
    }

    private static string Folder([CallerFilePath] string file = "") =>
        Path.Combine(Path.GetDirectoryName(file)!, "Golden", "version-1");

    private static byte[] Golden(string name) =>
        Convert.FromHexString(string.Concat(File.ReadAllLines(Path.Combine(Folder(), name + ".hex"))));

    private static void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Folder());
        File.WriteAllLines(
            Path.Combine(Folder(), name + ".hex"),
            Convert.ToHexStringLower(bytes).Chunk(120).Select(line => new string(line))
        );
    }

    private sealed class Bytes : IEqualityComparer<(byte[], byte[]?, byte[])>
    {
        public bool Equals((byte[], byte[]?, byte[]) x, (byte[], byte[]?, byte[]) y) =>
            x.Item1.SequenceEqual(y.Item1) && x.Item2!.SequenceEqual(y.Item2!) && x.Item3.SequenceEqual(y.Item3);

        public int GetHashCode((byte[], byte[]?, byte[]) value) => 0;
    }
}
