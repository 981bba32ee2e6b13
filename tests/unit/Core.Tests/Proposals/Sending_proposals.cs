using MlsConsole.Core.Conversations;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Proposals;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

public class Sending_proposals
{
    [Fact]
    public async Task A_commit_names_stored_proposals_and_a_cold_group_is_rebuilt_with_them()
    {
        await using var service = await Service.StartAsync(new() { SnapshotInterval = 100 });
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        byte[] package = carol.Client.KeyPackage();
        await service.RegisterAsync(carol.Did, carol.DeviceId, carol.Client, new OfferedKeyPackage(package, false));
        byte[] update = convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client));
        byte[] add = convo.Group.Propose(bob.Client, new AddProposal(UnverifiedKeyPackage.Decode(package)));
        Assert.Equal(new(2, 1), await service.ProposeAsync(convo, bob, update));
        Assert.Equal(new(3, 1), await service.ProposeAsync(convo, bob, add));

        var commit = convo.Group.Commit(alice.Client).Reference(update).Reference(add).WithPath().Build();
        Assert.Equal(
            4,
            (
                await service.CommitAsync(
                    convo,
                    alice,
                    commit,
                    ProposalBuilder.RandomWelcome(convo.Group.Suite, package)
                )
            ).Seq
        );
        var read = await service
            .Get<ConversationReader>()
            .GetCommitsAsync(bob.Caller, new(convo.Id, 0, null), CancellationToken.None);
        Assert.Equal(
            [
                [],
                [update, add],
            ],
            read.Select(view => view.Proposals)
        );
        var log = (
            await service
                .Get<MessageDelivery>()
                .GetMessagesAsync(bob.Caller, new(convo.Id, 1, 10), CancellationToken.None)
        ).Messages;
        Assert.Equal([("proposal", 1ul), ("proposal", 1), ("commit", 2)], log.Select(view => (view.Kind, view.Epoch)));
        Assert.Equal(
            [update, add],
            (await Telling_events.For(service, alice.Did))
                .Where(one => one.Kind == EventKind.Proposal)
                .Select(one => one.Log!.Message)
        );

        await service.RestartAsync();
        Assert.Equal(
            3ul,
            (await service.CommitAsync(convo, carol, commit.After!.Commit(carol.Client).WithPath().Build())).Epoch
        );
    }

    [Fact]
    public async Task A_reference_that_is_unknown_or_of_an_earlier_epoch_is_refused()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await Refused(
            "InvalidCommit",
            Rules.CommitUnknownProposal.Id,
            () =>
                service.CommitAsync(
                    convo,
                    alice,
                    convo.Group.Commit(alice.Client).UnknownReference().WithPath().Build()
                )
        );

        byte[] sent = convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client)),
            notSent = convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client));
        await service.ProposeAsync(convo, bob, sent);
        await Refused(
            "InvalidCommit",
            Rules.CommitUnknownProposal.Id,
            () =>
                service.CommitAsync(
                    convo,
                    alice,
                    convo.Group.Commit(alice.Client).Reference(notSent).WithPath().Build()
                )
        );
        var after = convo.Group.Commit(alice.Client).WithPath().Build();
        await service.CommitAsync(convo, alice, after);
        var late = await Assert.ThrowsAsync<RefusedException>(() =>
            service.ProposeAsync(convo, bob, convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client)))
        );
        Assert.Equal(
            ("EpochMismatch", 2ul, "stale"),
            (late.Refusal.Error, late.Refusal.CurrentEpoch, late.Refusal.Mismatch)
        );
    }

    [Fact]
    public async Task A_proposal_that_no_commit_could_bring_is_refused_and_leaves_nothing()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var group = convo.Group;
        var own = new Sender(SenderType.Member, group.LeafOf(bob.Client));
        string before = await service.StateAsync();
        foreach (
            var (rule, proposal) in new (Rule, byte[])[]
            {
                (Rules.FramingSignature, ProposalBuilder.Sign(group, alice.Client, own, group.UpdateOf(bob.Client))),
                (
                    Rules.FramingMembershipTag,
                    ProposalBuilder.Sign(group, bob.Client, own, group.UpdateOf(bob.Client), membershipTagLength: 1)
                ),
                (
                    Rules.FramingMembershipTag,
                    ProposalBuilder.Sign(group, bob.Client, own, group.UpdateOf(bob.Client), membershipTagLength: -1)
                ),
                (Rules.ProposalRemoveBlank, group.Propose(bob.Client, new RemoveProposal(new(7)))),
                (Rules.CommitExternalInitByMember, group.Propose(bob.Client, new ExternalInitProposal(new byte[32]))),
                (
                    Rules.ProposalUpdateKey,
                    group.Propose(
                        bob.Client,
                        group.UpdateOf(bob.Client, group.Group.Leaf(group.LeafOf(bob.Client))!.EncryptionKey.ToArray())
                    )
                ),
                (Rules.CommitProposalUnsupported, group.Propose(bob.Client, new CustomProposal(0x7777, new byte[4]))),
            }
        )
            await Refused("InvalidProposal", rule.Id, () => service.ProposeAsync(convo, bob, proposal));
        Assert.Equal(before, await service.StateAsync());
        await service.ProposeAsync(convo, bob, group.Propose(bob.Client, group.UpdateOf(bob.Client)));
    }

    [Fact]
    public async Task Any_member_may_commit_an_admins_proposal_and_a_members_may_not_ask_for_what_needs_an_admin()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        foreach (
            Proposal proposal in new Proposal[]
            {
                new RemoveProposal(convo.Group.LeafOf(carol.Client)),
                new GroupContextExtensionsProposal(Extensions.None),
                new ReInitProposal(new byte[16], 1, 1, Extensions.None),
            }
        )
            await Refused(
                "NotAdmin",
                null,
                () => service.ProposeAsync(convo, bob, convo.Group.Propose(bob.Client, proposal))
            );
        byte[] remove = convo.Group.Propose(alice.Client, new RemoveProposal(convo.Group.LeafOf(carol.Client)));
        await service.ProposeAsync(convo, alice, remove);
        var commit = convo.Group.Commit(bob.Client).Reference(remove).WithPath().Build();
        await service.CommitAsync(convo, bob, commit);
        var refused = await Assert.ThrowsAsync<RefusedException>(() =>
            service.JoinAsync(convo, carol, commit.After!.ExternalCommit(carol.Client).Build())
        );
        Assert.Equal(nameof(RejoinReason.Removed), refused.Refusal.Reason);
    }

    [Fact]
    public async Task A_joiner_gets_waiting_SelfRemoves_and_may_name_them_and_who_removed_a_device_itself_stays()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        byte[] selfRemove = convo.Group.Propose(bob.Client, new SelfRemoveProposal());
        await service.ProposeAsync(convo, bob, convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client)));
        await service.ProposeAsync(convo, bob, selfRemove);
        var tablet = await service.EnrolAsync(alice.Did, "tablet");
        var info = await service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(tablet.Caller, new(convo.Id, true), CancellationToken.None);
        Assert.Equal([selfRemove], info.SelfRemoves);
        var join = convo.Group.ExternalCommit(tablet.Client).Reference(selfRemove).Build();
        await service.JoinAsync(convo, tablet, join);
        Assert.Equal(2, join.After!.Group.MemberCount);
        Assert.Empty(
            (
                await service
                    .Get<GroupInfoProvider>()
                    .GetGroupInfoAsync(tablet.Caller, new(convo.Id, true), CancellationToken.None)
            ).SelfRemoves
        );
        Assert.DoesNotContain(await Telling_events.For(service, alice.Did), one => one.Detail == "removed");

        await service.RestartAsync();
        await service.JoinAsync(convo, bob, join.After.ExternalCommit(bob.Client).Build());
    }

    [Fact]
    public async Task A_proposal_is_stored_once_whatever_the_key_and_an_account_has_only_so_many_in_an_epoch()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        byte[] first = Update();
        var answer = await service.ProposeAsync(convo, bob, first);
        foreach (string? key in (string?[])[null, "one", "two"])
            Assert.Equal(answer, await service.ProposeAsync(convo, bob, first, key));
        for (int i = 1; i < ProposalReceiver.MaxOfEpoch; i++)
            await service.ProposeAsync(convo, bob, Update());
        await Refused("TooManyProposals", null, () => service.ProposeAsync(convo, bob, Update()));

        byte[] Update() => convo.Group.Propose(bob.Client, convo.Group.UpdateOf(bob.Client));
    }

    private static async Task Refused(string error, string? rule, Func<Task> call)
    {
        var refused = (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
        Assert.Equal((error, rule), (refused.Error, refused.Rule));
    }
}
