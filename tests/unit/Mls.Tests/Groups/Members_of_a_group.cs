namespace MlsConsole.Mls.Tests;

/// <summary>Clients of this library among themselves, in every suite, with a public observer that follows.</summary>
public sealed class Members_of_a_group : GroupTests
{
    public static TheoryData<ushort> Suites => [.. CipherSuite.All.Select(suite => suite.Id)];

    [Theory, MemberData(nameof(Suites))]
    public void Join_leave_update_talk_and_come_back(ushort suite)
    {
        var alice = Keep(Group.Create(Client(suite, "alice")));
        var bobClient = Client(suite, "bob");
        var bob = Add(alice, bobClient);
        var carol = Add(bob, Client(suite, "carol"), alice);
        Talk(alice, bob, carol);
        Commit(carol, new(), alice, bob); // new keys
        Commit(alice, new() { Encrypt = true }, bob, carol);

        // Bob loses his state and comes back by external commit that removes his old leaf.
        var old = bob.OwnLeaf;
        var back = Keep(
            Group.JoinByExternalCommit(bobClient, UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()), remove: old)
        );
        var commit = back.Pending!.Commit;
        alice.Receive(commit);
        carol.Receive(commit);
        back.MergePendingCommit();
        Agree(alice, back, carol);
        Talk(alice, back, carol);

        // His second device joins by external commit, without the tree inside the GroupInfo.
        var tablet = Keep(
            Group.JoinByExternalCommit(
                Client(suite, "bob's tablet"),
                UnverifiedGroupInfo.Decode(carol.CreateGroupInfo(includeTree: false)),
                carol.PublicGroup.EncodeRatchetTree()
            )
        );
        foreach (var other in (Group[])[alice, back, carol])
            other.Receive(tablet.Pending!.Commit);
        tablet.MergePendingCommit();
        Agree(alice, back, carol, tablet);

        // Carol is removed: she can open the commit no more, only see that she is gone.
        Commit(alice, new() { Remove = [carol.OwnLeaf] }, back, carol, tablet);
        Assert.True(carol.HasEnded);
        Talk(alice, back, tablet);
    }

    [Fact]
    public void Messages_of_past_epochs_open_until_they_are_too_old()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var late = Enumerable.Range(0, 2).Select(_ => bob.Encrypt("late"u8)).ToList();
        for (int i = 0; i < 3; i++)
            Commit(bob, new(), alice);
        Assert.Equal("late"u8, Assert.IsType<ReceivedMessage>(alice.Receive(late[0])).Data);
        Commit(bob, new(), alice);
        Assert.Equal(Rules.FramingEpoch, Assert.Throws<MlsException>(() => alice.Receive(late[1])).Rule);
    }

    [Fact]
    public void A_refused_commit_is_discarded_and_the_winner_is_followed()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var lost = alice.Commit();
        var won = bob.Commit();
        alice.Receive(won.Commit);
        bob.MergePendingCommit();
        Assert.Null(alice.Pending);
        Agree(alice, bob);
        Assert.Equal(Rules.FramingEpoch, Assert.Throws<MlsException>(() => bob.Receive(lost.Commit)).Rule);
        alice.Commit();
        alice.DiscardPendingCommit();
        Commit(alice, new(), bob);
    }

    [Fact]
    public void An_own_pending_commit_that_comes_back_is_merged()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var pending = alice.Commit();
        bob.Receive(pending.Commit);
        Assert.IsType<ReceivedOwnCommit>(alice.Receive(pending.Commit));
        Agree(alice, bob);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Proposals_by_reference_are_committed_by_another_member(bool encrypt)
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var carol = Add(alice, Client(1, "carol"), bob);
        var update = bob.ProposeUpdate(encrypt);
        alice.Receive(update);
        carol.Receive(update);
        var leave = carol.Propose(new SelfRemoveProposal(), encrypt);
        alice.Receive(leave);
        bob.Receive(leave);
        var before = bob.PublicGroup.Leaf(bob.OwnLeaf)!.EncryptionKey.ToArray();
        Commit(alice, new() { Encrypt = encrypt }, bob, carol);
        Assert.True(carol.HasEnded);
        Assert.NotEqual(before, bob.PublicGroup.Leaf(bob.OwnLeaf)!.EncryptionKey.ToArray());
        Commit(bob, new(), alice);
    }

    [Fact]
    public void Pre_shared_keys_are_mixed_in_and_must_be_known()
    {
        using var keys = new PreSharedKeys().Add("key"u8.ToArray(), "secret"u8);
        var alice = Keep(Group.Create(Client(1, "alice"), preSharedKeys: keys));
        var bobClient = Client(1, "bob");
        using var package = bobClient.CreateKeyPackage();
        var added = alice.Commit(
            new()
            {
                Add = [UnverifiedKeyPackage.Decode(package.Encode())],
                PreSharedKeys = [PreSharedKeyId.External("key"u8.ToArray(), new byte[32])],
            }
        );
        alice.MergePendingCommit();
        var welcome = MlsMessage.Decode(added.Welcome!).Welcome!;
        Assert.Equal(
            Rules.PreSharedKeyUnknown,
            Assert.Throws<MlsException>(() => Group.JoinByWelcome(bobClient, package, welcome)).Rule
        );
        var bob = Keep(Group.JoinByWelcome(bobClient, package, welcome, preSharedKeys: keys));
        Agree(alice, bob);
        ulong epoch = alice.CurrentEpoch;
        Commit(bob, new(), alice);
        Commit(
            alice,
            new()
            {
                PreSharedKeys =
                [
                    PreSharedKeyId.Resumption(ResumptionUsage.Application, alice.GroupId, epoch, new byte[32]),
                ],
            },
            bob
        );
    }

    [Fact]
    public void Many_join_by_one_welcome_and_small_commits_need_no_path()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var clients = Enumerable.Range(0, 20).Select(i => Client(1, $"member {i}")).ToList();
        var packages = clients.Select(client => Keep(client.CreateKeyPackage())).ToList();
        var added = Commit(
            alice,
            new()
            {
                Add = [.. packages.Select(package => UnverifiedKeyPackage.Decode(package.Encode()))],
                ForcePath = false,
            }
        );
        var groups = clients
            .Select(
                (client, i) =>
                    Keep(Group.JoinByWelcome(client, packages[i], MlsMessage.Decode(added.Welcome!).Welcome!))
            )
            .ToArray();
        Agree([alice, .. groups]);
        foreach (var group in groups.Take(5))
            Commit(group, new(), [alice, .. groups.Where(other => other != group)]);
        Assert.Equal(
            Rules.WelcomeRecipient,
            Assert
                .Throws<MlsException>(() =>
                {
                    var stranger = Client(1, "stranger");
                    using var package = stranger.CreateKeyPackage();
                    Group.JoinByWelcome(stranger, package, MlsMessage.Decode(added.Welcome!).Welcome!);
                })
                .Rule
        );
    }

    [Fact]
    public void A_changed_confirmation_or_membership_tag_is_refused_without_effect()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var commit = MlsMessage.Decode(alice.Commit().Commit).PublicMessage!;
        var tag = commit.MembershipTag!.Value.ToArray();
        tag[0] ^= 1;
        Assert.Equal(
            Rules.MembershipTag,
            Assert
                .Throws<MlsException>(() =>
                    bob.Receive(MlsMessage.Of(new PublicMessage(commit.Content, commit.Auth, tag)).Encode())
                )
                .Rule
        );
        Assert.Equal(1ul, bob.CurrentEpoch);
        bob.Receive(MlsMessage.Of(commit).Encode());
        alice.MergePendingCommit();
        Agree(alice, bob);
    }
}
