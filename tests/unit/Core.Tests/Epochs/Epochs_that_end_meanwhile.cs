using MlsConsole.Core.Epochs;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// What a call reads after the conversation's row can be a later epoch's: the caller is then told of the epoch, not of
/// what it did wrong in another one.
/// </summary>
public class Epochs_that_end_meanwhile
{
    [Theory, InlineData("commit"), InlineData("removeMember"), InlineData("sendProposal")]
    public async Task Who_removes_a_leaver_that_another_has_just_removed_is_told_of_the_epoch(string method)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        var bobs = convo.Group.LeafOf(bob.Client);
        BuiltCommit first = convo.Group.Commit(alice.Client).Remove(bobs).Build(),
            second = convo.Group.Commit(carol.Client).Remove(bobs).Build();
        byte[] proposal = convo.Group.Propose(carol.Client, new RemoveProposal(bobs));
        await Told(
            3,
            "pending_removals",
            () => service.CommitAsync(convo, alice, first),
            () =>
                method switch
                {
                    "commit" => service.CommitAsync(convo, carol, second),
                    "removeMember" => service.RemoveMemberAsync(convo, carol, bob.Did, second),
                    _ => service.ProposeAsync(convo, carol, proposal),
                }
        );
    }

    [Fact]
    public async Task Who_adds_a_device_that_has_just_joined_by_itself_is_told_of_the_epoch()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        byte[] package = tablet.Client.KeyPackage();
        await service.RegisterAsync(tablet.Did, tablet.DeviceId, tablet.Client, new OfferedKeyPackage(package, false));
        var join = convo.Group.ExternalCommit(tablet.Client).Build();
        var add = convo.Group.Commit(alice.Client).Add(package).WithPath().Build();
        await Told(
            2,
            "pending_removals",
            () => service.JoinAsync(convo, tablet, join),
            () => service.CommitAsync(convo, alice, add, ProposalBuilder.RandomWelcome(convo.Group.Suite, package))
        );
    }

    [Fact]
    public async Task Who_leaves_while_another_device_of_the_account_joins_is_told_of_the_epoch()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var join = convo.Group.ExternalCommit(tablet.Client).Build();
        await Told(
            2,
            "INNER JOIN",
            () => service.JoinAsync(convo, tablet, join),
            () => service.LeaveAsync(convo, bob, new SelfRemoveProposal())
        );
    }

    [Fact]
    public async Task A_copy_of_a_call_that_is_overtaken_by_the_call_itself_gets_its_answer()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        convo = await service.AddAsync(convo, alice, carol);
        await service.LeaveAsync(convo, bob, new SelfRemoveProposal());
        var removed = convo.Group.Commit(carol.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        CommitResult? first = null;
        var second = await SentCommands.WithAnotherBeforeAsync(
            "pending_removals",
            async () => first = await service.CommitAsync(convo, carol, removed),
            () => service.CommitAsync(convo, carol, removed)
        );
        Assert.Equal(3ul, second.Epoch);
        Assert.Equal(first, second);
    }

    [Fact]
    public async Task A_copy_of_an_external_commit_whose_approval_it_has_used_itself_gets_its_answer()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        await Requiring_approval.SetAsync(service, convo, alice, true);
        await Approving_devices.ApproveAsync(service, convo, bob, tablet);
        var join = convo.Group.ExternalCommit(tablet.Client).Build();
        CommitResult? first = null;
        var second = await SentCommands.WithAnotherBeforeAsync(
            "device_approvals",
            async () => first = await service.JoinAsync(convo, tablet, join),
            () => service.JoinAsync(convo, tablet, join)
        );
        Assert.Equal(2ul, second.Epoch);
        Assert.Equal(first, second);
    }

    private static async Task Told(ulong current, string words, Func<Task> another, Func<Task> call)
    {
        var refusal = (
            await SentCommands.WithAnotherBeforeAsync(
                words,
                another,
                async () => await Assert.ThrowsAsync<RefusedException>(call)
            )
        ).Refusal;
        Assert.Equal(("EpochMismatch", current, "stale"), (refusal.Error, refusal.CurrentEpoch, refusal.Mismatch));
    }
}
