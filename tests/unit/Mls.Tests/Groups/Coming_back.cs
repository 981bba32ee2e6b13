namespace MlsConsole.Mls.Tests;

/// <summary>A member that lost its place and comes back by external commit.</summary>
public sealed class Coming_back : GroupTests
{
    [Fact]
    public void Messages_sent_before_a_rejoin_stay_readable()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bobClient = Client(1, "bob");
        var bob = Add(alice, bobClient);
        var carol = Add(alice, Client(1, "carol"), bob);
        var old = carol.Encrypt("one epoch before"u8);
        Commit(alice, new(), bob, carol);
        var last = carol.Encrypt("in the last epoch"u8);

        // Bob misses two epochs, in one of which Carol goes and another takes her leaf.
        Commit(alice, new() { Remove = [carol.OwnLeaf] }, carol);
        var dave = Add(alice, Client(1, "dave"));
        Assert.Equal(carol.OwnLeaf, dave.OwnLeaf);

        var back = Keep(
            Group.JoinByExternalCommit(
                bobClient,
                UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()),
                remove: bob.OwnLeaf
            )
        );
        alice.Receive(back.Pending!.Commit);
        back.MergePendingCommit();
        back.KeepPastOf(bob);
        Agree(alice, back);
        Assert.True(bob.HasEnded);
        bob.Dispose();

        Assert.Equal("in the last epoch"u8, Assert.IsType<ReceivedMessage>(back.Receive(last)).Data);
        Assert.Equal("one epoch before"u8, Assert.IsType<ReceivedMessage>(back.Receive(old)).Data);
        Refused(Rules.RatchetGeneration, () => back.Receive(old));
        Commit(back, new(), alice);
        Talk(alice, back);
    }

    [Fact]
    public void The_past_of_another_group_or_of_a_later_state_is_not_taken()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var fresh = Keep(
            Group.JoinByExternalCommit(Client(1, "dave"), UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()))
        );
        foreach (var group in (Group[])[alice, bob])
            group.Receive(fresh.Pending!.Commit);
        fresh.MergePendingCommit();
        Assert.Throws<ArgumentException>(() => fresh.KeepPastOf(Keep(Group.Create(Client(1, "carol")))));
        Assert.Throws<ArgumentException>(() => fresh.KeepPastOf(alice));
        Assert.Throws<InvalidOperationException>(() => alice.KeepPastOf(bob));
        Talk(alice, bob, fresh);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_resync_may_bring_another_signature_key(bool sameKey)
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bobClient = Client(1, "bob");
        var bob = Add(alice, bobClient);
        var next = sameKey ? bobClient : Client(1, "bob");
        var back = Keep(
            Group.JoinByExternalCommit(next, UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()), remove: bob.OwnLeaf)
        );
        alice.Receive(back.Pending!.Commit);
        back.MergePendingCommit();
        Agree(alice, back);
        Assert.Equal(2, alice.PublicGroup.MemberCount);
    }

    [Fact]
    public void Without_the_removal_the_same_signature_key_cannot_join_again()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bobClient = Client(1, "bob");
        Add(alice, bobClient);
        Refused(
            Rules.TreeSignatureKeyDuplicate,
            () => Group.JoinByExternalCommit(bobClient, UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()))
        );
    }

    [Fact]
    public void Own_messages_that_come_back_are_recognised()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var message = alice.Encrypt("hello"u8);
        Assert.Equal(new ReceivedOwnMessage(ContentType.Application, 1, 0), alice.Receive(message));
        var (open, closed) = (
            alice.ProposeUpdate(),
            alice.Propose(new GroupContextExtensionsProposal(Extensions.None), encrypt: true)
        );
        Assert.IsType<ReceivedProposal>(alice.Receive(open));
        Assert.Equal(new ReceivedOwnMessage(ContentType.Proposal, 1, 0), alice.Receive(closed));
        bob.Receive(open);
        bob.Receive(closed);
        bob.Receive(open); // twice is once
        Commit(bob, new(), alice);
        Assert.Equal("hello"u8, Assert.IsType<ReceivedMessage>(bob.Receive(message)).Data);
        Assert.Equal(new ReceivedOwnMessage(ContentType.Application, 1, 0), alice.Receive(message));
    }

    [Fact]
    public void An_own_commit_that_is_not_pending_is_refused()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var forgotten = alice.Commit().Commit;
        alice.DiscardPendingCommit();
        Refused(Rules.OwnCommit, () => alice.Receive(forgotten));
        bob.Receive(forgotten); // ... and so alice must come back by external commit
        Assert.Equal(1ul, alice.CurrentEpoch);
    }

    [Fact]
    public void A_joiner_carries_out_the_SelfRemoves_that_wait_and_nothing_else()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var daveClient = Client(1, "dave");
        byte[] leave = bob.ProposeSelfRemove(),
            update = bob.ProposeUpdate();
        alice.Receive(leave);
        var groupInfo = UnverifiedGroupInfo.Decode(alice.CreateGroupInfo());

        Refused(Rules.ExternalCommitByReference, () => Join(update));
        var dave = Keep(Join(leave));
        alice.Receive(dave.Pending!.Commit);
        dave.MergePendingCommit();

        Assert.DoesNotContain(
            alice.PublicGroup.Members,
            member => member.Leaf.Credential.Identity.Span.SequenceEqual("bob"u8)
        );
        Assert.Equal(2, alice.PublicGroup.MemberCount);
        Agree(alice, dave);
        Talk(alice, dave);

        Group Join(byte[] proposal) =>
            Group.JoinByExternalCommit(
                daveClient,
                groupInfo,
                PublicGroup.FromGroupInfo(groupInfo, null),
                null,
                null,
                selfRemoves: [MlsMessage.Decode(proposal).PublicMessage!]
            );
    }
}
