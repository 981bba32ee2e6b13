namespace MlsConsole.Mls.Tests;

/// <summary>Reinitialisation and branches (RFC 9420 §11.2, §11.3).</summary>
public sealed class Successors : GroupTests
{
    private static readonly byte[] s_newId = [1, 2, 3];

    private (Group Alice, Group Bob, Group Carol) Three()
    {
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Client(1, "bob"));
        return (alice, bob, Add(alice, Client(1, "carol"), bob));
    }

    private static ReInitProposal ReInit(ushort suite, Extensions? extensions = null) =>
        new(s_newId, 1, suite, extensions ?? Extensions.None);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_group_goes_on_in_another_cipher_suite(ushort suite)
    {
        var (alice, bob, carol) = Three();
        var extensions = new Extensions(
            new RequiredCapabilities(new(), new(), new(CredentialType.Basic)).ToExtension()
        );
        Commit(alice, new() { Proposals = [ReInit(suite, extensions)] }, bob, carol);
        Assert.All((Group[])[alice, bob, carol], group => Assert.True(group.HasEnded));
        Assert.Throws<InvalidOperationException>(() => bob.Encrypt("no more"u8));

        // Bob, not the one who proposed it, makes the new group.
        var (aliceClient, carolClient) = (Client(suite, "alice"), Client(suite, "carol"));
        using var alicePackage = aliceClient.CreateKeyPackage();
        using var carolPackage = carolClient.CreateKeyPackage();
        var next = Keep(bob.CreateReinitialized(Client(suite, "bob"), [Wire(alicePackage), Wire(carolPackage)]));
        var welcome = MlsMessage.Decode(next.Pending!.Welcome!).Welcome!;
        next.MergePendingCommit();
        var nextAlice = Keep(Group.JoinByWelcome(aliceClient, alicePackage, welcome, parent: alice));
        var nextCarol = Keep(Group.JoinByWelcome(carolClient, carolPackage, welcome, parent: carol));
        Agree(next, nextAlice, nextCarol);
        Assert.Equal((1ul, suite), (next.CurrentEpoch, next.PublicGroup.CipherSuite));
        Assert.Equal(s_newId, next.GroupId.ToArray());
        Assert.True(next.PublicGroup.Context.Extensions.SameAs(extensions));
        Talk(next, nextAlice, nextCarol);
        Refused(Rules.PreSharedKeyUnknown, () => Group.JoinByWelcome(carolClient, carolPackage, welcome));
    }

    [Fact]
    public void A_reinitialised_group_is_the_one_that_was_asked_for()
    {
        var (alice, bob, carol) = Three();
        var client = Client(1, "carol");
        using var package = client.CreateKeyPackage();
        // A branch claims nothing of a ReInit; the same members under the name of one do.
        var branch = Keep(alice.Branch([Wire(package)], s_newId));
        var joined = Keep(
            Group.JoinByWelcome(client, package, MlsMessage.Decode(branch.Pending!.Welcome!).Welcome!, parent: carol)
        );
        Assert.Equal(s_newId, joined.GroupId.ToArray());

        Commit(alice, new() { Proposals = [ReInit(1)] }, bob, carol);
        var false1 = Keep(
            Group.Create(
                Client(1, "mallory"),
                s_newId,
                new(new RequiredCapabilities(new(), new(), new(CredentialType.Basic)).ToExtension())
            )
        );
        Refused(Rules.WelcomeReInit, () => JoinAfterReInit(alice, false1, client, carol));
        var false2 = Keep(Group.Create(Client(1, "mallory"), new byte[] { 9 }));
        Refused(Rules.WelcomeReInit, () => JoinAfterReInit(alice, false2, client, carol));
    }

    // A member that makes another group than was agreed, with the resumption PSK that it knows.
    private static void JoinAfterReInit(Group old, Group made, Client joiner, Group joinerOld)
    {
        using var package = joiner.CreateKeyPackage();
        made.KnowResumptionKeyOf(old);
        var pending = made.Commit(
            new()
            {
                Add = [Wire(package)],
                PreSharedKeys =
                [
                    PreSharedKeyId.Resumption(ResumptionUsage.ReInit, old.GroupId, old.CurrentEpoch, new byte[32]),
                ],
            }
        );
        Group.JoinByWelcome(joiner, package, MlsMessage.Decode(pending.Welcome!).Welcome!, parent: joinerOld);
    }

    [Fact]
    public void A_branch_has_members_of_its_parent_only()
    {
        var (alice, bob, carol) = Three();
        var bobClient = Client(1, "bob");
        using var package = bobClient.CreateKeyPackage();
        using var stranger = Client(1, "stranger").CreateKeyPackage();
        var mixed = Keep(alice.Branch([Wire(package), Wire(stranger)]));
        Refused(
            Rules.WelcomeBranch,
            () =>
                Group.JoinByWelcome(
                    bobClient,
                    package,
                    MlsMessage.Decode(mixed.Pending!.Welcome!).Welcome!,
                    parent: bob
                )
        );
        var branch = Keep(alice.Branch([Wire(package)]));
        var joined = Keep(
            Group.JoinByWelcome(bobClient, package, MlsMessage.Decode(branch.Pending!.Welcome!).Welcome!, parent: bob)
        );
        branch.MergePendingCommit();
        Agree(branch, joined);
        Talk(branch, joined);
        Commit(alice, new(), bob, carol); // the parent lives on
    }

    [Fact]
    public void A_link_to_another_group_leads_to_epoch_1_and_stands_alone()
    {
        var (alice, bob, _) = Three();
        var bobClient = Client(1, "bob");
        var made = Keep(Group.Create(Client(1, "alice")));
        made.KnowResumptionKeyOf(alice);
        using var package = bobClient.CreateKeyPackage();
        PreSharedKeyId Link(byte nonce) =>
            PreSharedKeyId.Resumption(
                ResumptionUsage.Branch,
                alice.GroupId,
                alice.CurrentEpoch,
                Enumerable.Repeat(nonce, 32).ToArray()
            );
        var twice = made.Commit(new() { Add = [Wire(package)], PreSharedKeys = [Link(1), Link(2)] });
        Refused(
            Rules.WelcomeResumption,
            () => Group.JoinByWelcome(bobClient, package, MlsMessage.Decode(twice.Welcome!).Welcome!, parent: bob)
        );
        made.Commit();
        made.MergePendingCommit();
        Refused(
            Rules.ProposalPreSharedKey,
            () => made.Commit(new() { Add = [Wire(package)], PreSharedKeys = [Link(1)] })
        );
    }

    [Fact]
    public void A_reinitialisation_needs_a_ReInit_and_its_suite()
    {
        var (alice, bob, carol) = Three();
        Assert.Throws<InvalidOperationException>(() => alice.CreateReinitialized(Client(1, "alice"), []));
        Commit(alice, new() { Proposals = [ReInit(2)] }, bob, carol);
        Assert.Throws<ArgumentException>(() => alice.CreateReinitialized(Client(1, "alice"), []));
    }

    private static UnverifiedKeyPackage Wire(OwnKeyPackage package) => UnverifiedKeyPackage.Decode(package.Encode());
}
