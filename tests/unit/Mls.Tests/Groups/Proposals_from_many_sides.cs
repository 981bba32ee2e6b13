namespace MlsConsole.Mls.Tests;

/// <summary>Proposals from outside, and what a committer makes of proposals that do not go together.</summary>
public sealed class Proposals_from_many_sides : GroupTests
{
    [Fact]
    public void A_client_asks_to_be_added_and_gets_a_Welcome()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        var carol = Client(1, "carol");
        using var package = carol.CreateKeyPackage();
        var request = ExternalProposals.Join(carol, package, alice.GroupId, alice.CurrentEpoch);
        foreach (var group in (Group[])[alice, bob])
            Assert.Equal(
                SenderType.NewMemberProposal,
                Assert.IsType<ReceivedProposal>(group.Receive(request)).Sender.Type
            );
        var pending = Commit(bob, new(), alice);
        Agree(alice, bob, Keep(Group.JoinByWelcome(carol, package, MlsMessage.Decode(pending.Welcome!).Welcome!)));
    }

    [Fact]
    public void An_external_sender_removes_a_member_if_the_group_lists_it()
    {
        using var service = CipherSuite.Get(1).GenerateSignatureKeyPair();
        var listed = new Extensions(
            ExternalSender.ToExtension(new ExternalSender(service.PublicKey, Credential.Basic("service"u8.ToArray())))
        );
        var alice = Keep(Group.Create(Client(1, "alice"), extensions: listed));
        var bob = Add(alice, Client(1, "bob"));
        var carol = Add(alice, Client(1, "carol"), bob);
        byte[] Remove(uint sender) =>
            ExternalProposals.Send(
                1,
                service,
                sender,
                alice.GroupId,
                alice.CurrentEpoch,
                new RemoveProposal(carol.OwnLeaf)
            );
        Refused(Rules.FramingSender, () => alice.Receive(Remove(1)));
        foreach (var group in (Group[])[alice, bob, carol])
            group.Receive(Remove(0));
        Commit(bob, new(), alice, carol);
        Assert.True(carol.HasEnded);

        // The list goes, and with it the sender's right.
        Commit(alice, new() { Proposals = [new GroupContextExtensionsProposal(Extensions.None)] }, bob);
        Refused(Rules.FramingSender, () => alice.Receive(Remove(0)));
        Assert.Throws<ArgumentException>(() =>
            ExternalProposals.Send(1, service, 0, alice.GroupId, 9, new SelfRemoveProposal())
        );
    }

    [Fact]
    public void Of_proposals_that_do_not_go_together_a_commit_takes_those_that_count()
    {
        using var keys = new PreSharedKeys().Add("known"u8.ToArray(), "secret"u8);
        var alice = Keep(Group.Create(Client(1, "alice"), preSharedKeys: keys));
        var bob = Add(alice, Client(1, "bob"));
        var carol = Add(alice, Client(1, "carol"), bob);
        var dave = Add(alice, Client(1, "dave"), bob, carol);
        var newcomer = Client(1, "erin");
        using var package = newcomer.CreateKeyPackage();
        using var other = newcomer.CreateKeyPackage();
        byte[][] messages =
        [
            bob.ProposeUpdate(),
            bob.ProposeUpdate(), // the later one counts
            carol.ProposeUpdate(),
            dave.Propose(new RemoveProposal(carol.OwnLeaf)), // before her Update
            dave.Propose(new RemoveProposal(alice.OwnLeaf)), // the committer does not remove herself
            dave.ProposeSelfRemove(), // before a Remove of the same
            bob.Propose(new RemoveProposal(dave.OwnLeaf)),
            bob.Propose(new AddProposal(UnverifiedKeyPackage.Decode(package.Encode()))),
            bob.Propose(new AddProposal(UnverifiedKeyPackage.Decode(other.Encode()))), // the same client again
            bob.Propose(new PreSharedKeyProposal(PreSharedKeyId.External("unknown"u8.ToArray(), new byte[32]))),
            bob.Propose(new ReInitProposal(new byte[] { 1 }, 1, 1, Extensions.None)), // stands alone or not at all
            bob.Propose(new CustomProposal(0xF123, new byte[] { 1 })), // nobody knows it
        ];
        foreach (var message in messages)
            alice.Receive(message);
        var committed = MlsMessage.Decode(alice.Commit().Commit).PublicMessage!;
        var staged = alice.PublicGroup.Stage(
            alice.PublicGroup.Authenticate(committed),
            [.. messages.Select(message => alice.PublicGroup.Authenticate(MlsMessage.Decode(message).PublicMessage!))],
            null
        );
        Assert.Equal(
            ["AddProposal", "RemoveProposal", "SelfRemoveProposal", "UpdateProposal"],
            staged.Proposals.Select(item => item.Proposal.GetType().Name).Order()
        );
        Assert.Equal([bob.OwnLeaf], staged.Updated.Select(item => item.LeafIndex));
        Assert.Equal([carol.OwnLeaf, dave.OwnLeaf], staged.Removed.Select(item => item.LeafIndex).Order());

        // By value goes before by reference.
        alice.Commit(new() { Remove = [bob.OwnLeaf] });
        Assert.DoesNotContain(Proposals(alice), proposal => proposal is UpdateProposal);
    }

    private static IEnumerable<Proposal?> Proposals(Group group) =>
        MlsMessage.Decode(group.Pending!.Commit).PublicMessage!.Content.Commit!.Proposals.Select(item => item.Proposal);

    [Fact]
    public void A_lone_ReInit_is_committed()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        alice.Receive(bob.Propose(new ReInitProposal(new byte[] { 1 }, 1, 1, Extensions.None)));
        Commit(alice, new(), bob);
        Assert.True(alice.HasEnded && bob.HasEnded);
        Assert.Equal(1, bob.ReInit!.CipherSuite);
    }

    [Fact]
    public void Custom_proposals_and_extensions_are_carried_for_those_who_know_them()
    {
        Client Knows(string name) =>
            Keep(
                new Client(
                    1,
                    Credential.Basic(System.Text.Encoding.UTF8.GetBytes(name)),
                    capabilities: new(new(1), new(1), new(0xF001), new(0xF123), new(CredentialType.Basic))
                )
            );
        var extension = new Extension(0xF001, new byte[] { 7 });
        var alice = Keep(Group.Create(Knows("alice"), extensions: new(extension)));
        var bob = Add(alice, Knows("bob"));
        Assert.Equal([7], bob.PublicGroup.Context.Extensions.Find(0xF001)!.Value.ToArray());
        alice.Commit(new() { Proposals = [new CustomProposal(0xF123, new byte[] { 1, 2 })] });
        var received = Assert.IsType<ReceivedCommit>(bob.Receive(alice.Pending!.Commit));
        Assert.Equal([1, 2], Assert.IsType<CustomProposal>(received.Commit.Proposals.Single().Proposal).Data.ToArray());
        using var stranger = Client(1, "carol").CreateKeyPackage();
        alice.MergePendingCommit();
        Refused(
            Rules.LeafGroupExtensions,
            () => alice.Commit(new() { Add = [UnverifiedKeyPackage.Decode(stranger.Encode())] })
        );
    }
}
