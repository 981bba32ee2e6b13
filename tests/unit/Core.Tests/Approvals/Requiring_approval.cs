using MlsConsole.Core.Approvals;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Outbox;
using MlsConsole.Core.Rejoins;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>Admins change whether a conversation requires approval, with a signature of a device that is in.</summary>
public class Requiring_approval
{
    [Fact]
    public async Task An_admins_device_switches_it_on_and_off_and_members_and_the_audit_log_are_told()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        Assert.True((await SetAsync(service, convo, alice, true, "a rehearsal")).Required);
        Assert.True((await SetAsync(service, convo, alice, true)).Required);
        await ShownAsync(true);
        var join = convo.Group.ExternalCommit(tablet.Client).Build();
        Assert.Equal(Refusal.DeviceNotApproved, await Refused(() => service.JoinAsync(convo, tablet, join)));

        convo = await CommitAsync(service, convo, alice);
        Assert.False((await SetAsync(service, convo, alice, false)).Required);
        await ShownAsync(false);
        await service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build());
        Assert.Equal(
            [(alice.Did, "required"), (alice.Did, "notRequired")],
            (await Telling_events.For(service, bob.Did))
                .Where(one => one.Kind == EventKind.DeviceApprovalSet && one.ConvoId == convo.Id)
                .Select(one => (one.Did, one.Detail))
        );
        Assert.Equal(
            ["not required", "required", "required: a rehearsal"],
            (await service.Get<AuditLog>().LatestAsync(50, default))
                .Where(entry => entry is { Action: "setDeviceApproval", Outcome: RequestOutcomes.Accepted })
                .Select(entry => entry.Reason)
        );

        async Task ShownAsync(bool required) =>
            Assert.Equal(
                required,
                (await service.Get<ConversationReader>().GetConvoAsync(bob.Caller, convo.Id, default)).RequiresApproval
            );
    }

    [Fact]
    public async Task A_change_that_somebody_has_seen_changes_nothing_a_second_time()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, _) = await service.AliceAndBobAsync();
        var on = Signed(convo, alice, true);
        await SendAsync(service, alice, on);
        Assert.Equal(Refusal.InvalidApproval, await Refused(() => SetAsync(service, convo, alice, false)));
        convo = await CommitAsync(service, convo, alice);
        var off = Signed(convo, alice, false);
        await SendAsync(service, alice, off);
        Assert.Equal(Refusal.InvalidApproval, await Refused(() => SetAsync(service, convo, alice, true)));
        Assert.Equal("EpochMismatch", (await Refused(() => SendAsync(service, alice, on))).Error);
        convo = await CommitAsync(service, convo, alice);
        await SetAsync(service, convo, alice, true);
        Assert.Equal("EpochMismatch", (await Refused(() => SendAsync(service, alice, off))).Error);
        Assert.True(
            (await service.Get<ConversationReader>().GetConvoAsync(alice.Caller, convo.Id, default)).RequiresApproval
        );
    }

    [Fact]
    public async Task What_was_asked_for_and_approved_before_counts_no_more_when_it_is_switched_on()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        await Approving_devices.ApproveAsync(service, convo, bob, tablet);
        await Asking_to_be_added_again.AskAsync(service, convo, tablet, tablet.Client.KeyPackage());
        await SetAsync(service, convo, alice, true);
        Assert.Empty(await service.Get<RejoinRequests>().GetRejoinRequestsAsync(alice.Caller, convo.Id, default));
        Assert.Equal(
            Refusal.DeviceNotApproved,
            await Refused(() => service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build()))
        );
        convo = await CommitAsync(service, convo, alice);
        await Approving_devices.ApproveAsync(service, convo, bob, tablet);
        await service.JoinAsync(convo, tablet, convo.Group.ExternalCommit(tablet.Client).Build());
    }

    public static TheoryData<string> Spoilt =>
        [
            "another member's key",
            "a key that is in no leaf",
            "another epoch",
            "the other word",
            "the label of an approval",
            "no signature",
        ];

    [Theory, MemberData(nameof(Spoilt))]
    public async Task Tokens_alone_change_nothing(string what)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var right = Signed(convo, alice, true);
        byte[] Sign(TestClient by, bool required = true, ulong ahead = 0, string label = DeviceApprovals.RuleLabel) =>
            by.Suite.SignWithLabel(
                by.SignatureKey.PrivateKey,
                label,
                DeviceApprovals.RuleToBeSigned(convo.Group.Group.GroupId.Span, right.Epoch + ahead, alice.Did, required)
            );
        var minted = alice.Client.Reinstalled();
        await service.RegisterAsync(alice.Did, alice.DeviceId, minted);
        byte[] signature = what switch
        {
            "another member's key" => Sign(bob.Client),
            "a key that is in no leaf" => Sign(minted),
            "another epoch" => Sign(alice.Client, ahead: 1),
            "the other word" => Sign(alice.Client, required: false),
            "the label of an approval" => Sign(alice.Client, label: DeviceApprovals.Label),
            _ => [],
        };
        Assert.Equal(
            Refusal.InvalidApproval,
            await Refused(() => SendAsync(service, alice, right with { Signature = signature }))
        );
        Assert.False(
            (await service.Get<ConversationReader>().GetConvoAsync(alice.Caller, convo.Id, default)).RequiresApproval
        );
        await SendAsync(service, alice, right);
    }

    [Fact]
    public async Task Only_an_admins_device_that_is_in_may()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var laptop = await service.EnrolAsync(alice.Did, "laptop");
        var carol = await service.EnrolAsync("did:example:carol", "phone");
        Assert.Equal(Refusal.NotAdmin, await Refused(() => SetAsync(service, convo, bob, true)));
        Assert.Equal(Refusal.Unauthorized("NoLeaf"), await Refused(() => SetAsync(service, convo, laptop, true)));
        Assert.Equal(Refusal.Unauthorized("NotMember"), await Refused(() => SetAsync(service, convo, carol, true)));
        Assert.Equal(
            Refusal.Unauthorized("NoDevice"),
            await Refused(() =>
                SendAsync(service, alice, Signed(convo, alice, true) with { DeviceId = "no-such-device" })
            )
        );
        await service.PromoteAsync(convo, alice, bob.Did);
        await SetAsync(service, convo, bob, true);
    }

    internal static Task<SetDeviceApprovalResult> SetAsync(
        Service service,
        TestConvo convo,
        TestDevice by,
        bool required,
        string? reason = null
    ) => SendAsync(service, by, Signed(convo, by, required) with { Reason = reason });

    private static Task<SetDeviceApprovalResult> SendAsync(
        Service service,
        TestDevice by,
        SetDeviceApprovalRequest input
    ) => service.Get<DeviceApprovals>().SetDeviceApprovalAsync(by.Caller, input, default);

    internal static SetDeviceApprovalRequest Signed(TestConvo convo, TestDevice by, bool required) =>
        new(
            convo.Id,
            required,
            by.DeviceId,
            convo.Group.Group.Epoch,
            by.Client.Suite.SignWithLabel(
                by.Client.SignatureKey.PrivateKey,
                DeviceApprovals.RuleLabel,
                DeviceApprovals.RuleToBeSigned(
                    convo.Group.Group.GroupId.Span,
                    convo.Group.Group.Epoch,
                    by.Did,
                    required
                )
            ),
            null,
            null
        );

    private static async Task<TestConvo> CommitAsync(Service service, TestConvo convo, TestDevice by)
    {
        var commit = convo.Group.Commit(by.Client).WithPath().Build();
        await service.CommitAsync(convo, by, commit);
        return convo with { Group = commit.After! };
    }

    private static async Task<Refusal> Refused(Func<Task> call) =>
        (await Assert.ThrowsAsync<RefusedException>(call)).Refusal;
}
