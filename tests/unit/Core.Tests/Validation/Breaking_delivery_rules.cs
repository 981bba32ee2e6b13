using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>What the service demands beyond RFC 9420: each request is refused with its rule and without effect, and its control is taken afterwards.</summary>
public sealed class Breaking_delivery_rules
{
    /// <param name="Name">What is wrong; unique for the rule.</param>
    /// <param name="Send">Builds the broken request and its control; both are sent by the test.</param>
    public sealed record Refused(Rule Rule, string Error, string Name, Func<DeliveryScene, Task<(Func<Task> Broken, Func<Task> Control)>> Send)
    {
        public string Title => $"{Rule.Id}: {Name}";
    }

    public static IReadOnlyList<Refused> Cases { get; } =
    [
        Commit(DeliveryRules.PrivateHandshake, "an encrypted commit", scene => (scene.Control with { Commit = ProposalBuilder.RandomPrivateMessage(scene.Group, type: ContentType.Commit) }, scene.Control)),
        Commit(DeliveryRules.NotACommit, "a proposal", scene => (scene.Control with { Commit = scene.Group.Propose(scene.Alice.Client, new RemoveProposal(new(1))) }, scene.Control)),
        Commit(DeliveryRules.NotACommit, "an external commit as a member's", scene => (scene.Group.ExternalCommit(scene.Alice.Client).Remove(new(0)).Build(), scene.Control)),
        new(DeliveryRules.NotAnExternalCommit, "InvalidCommit", "a member's commit as an external one", scene => Both(() => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Control), () => scene.Service.JoinAsync(scene.Convo, scene.Bob, scene.Resync))),
        new(DeliveryRules.SenderOfAnother, "InvalidCommit", "another member's commit", scene => Both(() => scene.Service.CommitAsync(scene.Convo, scene.Bob, scene.Control), () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control))),
        Commit(DeliveryRules.LeafNotEnrolled, "an Add of a device that is not enrolled", scene => (scene.Group.Commit(scene.Alice.Client).Add(new TestClient(1, "did:example:zed#phone")).WithPath().Build(), scene.Control)),
        new(DeliveryRules.LeafNotEnrolled, "InvalidGroupInfo", "a group of a device that is not enrolled", scene => Both(
            () => scene.CreateAsync(TestGroup.Create(new TestClient(1, "did:example:zed#phone"))), () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client)))),
        new(DeliveryRules.SenderDeleted, "InvalidCommit", "a commit without a path by a deleted device's leaf", async scene =>
        {
            // Alice has another device, so that what is refused is the leaf and not the account.
            await scene.Service.EnrolAsync(scene.Alice.Did, "laptop");
            byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            var adding = scene.Group.Commit(scene.Alice.Client).Add(package).Build();
            await scene.Service.Get<Devices>().DeleteDevice(scene.Alice.Caller, new(scene.Alice.DeviceId, null), CancellationToken.None);
            return (() => scene.AddMembersAsync(adding, ProposalBuilder.RandomWelcome(scene.Group.Suite, package)),
                () => scene.Service.CommitAsync(scene.Convo, scene.Bob, scene.Group.Commit(scene.Bob.Client).WithPath().Build()));
        }),
        Commit(DeliveryRules.LeafIdentityChanged, "a path leaf with another identity", scene => (scene.Group.Commit(scene.Alice.Client.As("did:example:mallory#phone")).WithPath().Build(), scene.Control)),
        new(DeliveryRules.KeyPackageNotPublished, "InvalidCommit", "an Add of a key package that was not published", async scene =>
        {
            byte[] published = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            return (() => scene.AddAsync(scene.Carol.Client.KeyPackage()), () => scene.AddAsync(published));
        }),
        new(DeliveryRules.DeviceTwice, "InvalidCommit", "an Add of a device that has a leaf", async scene =>
        {
            byte[] again = await scene.PublishAsync(scene.Bob, scene.Bob.Client.Reinstalled()), other = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            return (() => scene.AddAsync(again), () => scene.AddAsync(other));
        }),
        new(DeliveryRules.RemoveOfStranger, "InvalidCommit", "an external commit that removes another account's leaf", scene => Both(
            () => scene.Service.JoinAsync(scene.Convo, scene.Tablet, scene.Group.ExternalCommit(scene.Tablet.Client).Remove(scene.Group.LeafOf(scene.Alice.Client)).Build()),
            () => scene.Service.JoinAsync(scene.Convo, scene.Tablet, scene.Group.ExternalCommit(scene.Tablet.Client).Build()))),
        new(DeliveryRules.OnlyAdds, "InvalidCommit", "no proposals", async scene =>
        {
            byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            return (() => scene.AddMembersAsync(scene.Control, null), () => scene.AddAsync(package));
        }),
        new(DeliveryRules.OneLeaf, "InvalidGroupInfo", "a group of two", scene => Both(() => scene.CreateAsync(scene.Group), () => scene.CreateAsync(TestGroup.Create(scene.Alice.Client)))),
        new(DeliveryRules.WelcomeMissing, "InvalidWelcome", "an Add without a Welcome", async scene =>
        {
            byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            return (() => scene.AddMembersAsync(scene.Adding(package), null), () => scene.AddAsync(package));
        }),
        new(DeliveryRules.WelcomeMissing, "InvalidWelcome", "a Welcome without an Add", scene => Both(
            () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control, ProposalBuilder.RandomWelcome(scene.Group.Suite, scene.Carol.Client.KeyPackage())),
            () => scene.Service.CommitAsync(scene.Convo, scene.Alice, scene.Control))),
        new(DeliveryRules.WelcomeRecipients, "InvalidWelcome", "a Welcome for another key package", async scene =>
        {
            byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            return (() => scene.AddMembersAsync(scene.Adding(package), ProposalBuilder.RandomWelcome(scene.Group.Suite, scene.Carol.Client.KeyPackage())), () => scene.AddAsync(package));
        }),
        new(DeliveryRules.KeyPackageIdentity, "InvalidKeyPackage", "a key package of another device", scene => Both(
            () => scene.RegisterAsync(scene.Carol, scene.Bob.Client.KeyPackage()), () => scene.RegisterAsync(scene.Carol, scene.Carol.Client.KeyPackage()))),
        new(DeliveryRules.KeyPackageUsed, "InvalidKeyPackage", "a key package that was claimed", async scene =>
        {
            byte[] package = await scene.PublishAsync(scene.Carol, scene.Carol.Client);
            await scene.Service.ClaimAsync(scene.Alice, scene.Carol);
            return (() => scene.Service.PublishAsync(scene.Carol, package), () => scene.Service.PublishAsync(scene.Carol, scene.Carol.Client.KeyPackage()));
        }),
        new(DeliveryRules.ApplicationMessage, "InvalidRequest", "a proposal as a message", scene => Both(
            () => scene.SendAsync(scene.Group.Propose(scene.Alice.Client, new RemoveProposal(new(1)))), () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group)))),
        new(DeliveryRules.ApplicationMessage, "InvalidRequest", "an encrypted proposal as a message", scene => Both(
            () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group, type: ContentType.Proposal)), () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group)))),
        new(DeliveryRules.ApplicationMessage, "InvalidRequest", "a message of another group", scene => Both(
            () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(TestGroup.Create(scene.Alice.Client))), () => scene.SendAsync(ProposalBuilder.RandomPrivateMessage(scene.Group)))),
    ];

    public static TheoryData<string> Titles => [.. Cases.Select(item => item.Title)];

    [Theory, MemberData(nameof(Titles))]
    public async Task Refused_with_its_rule_and_without_effect(string title)
    {
        var expected = Cases.Single(item => item.Title == title);
        await using var scene = await DeliveryScene.StartAsync();
        var (broken, control) = await expected.Send(scene);
        string before = await scene.Service.StateAsync();
        var refused = (await Assert.ThrowsAsync<RefusedException>(broken)).Refusal;
        Assert.Equal((expected.Error, expected.Rule.Id), (refused.Error, refused.Rule));
        Assert.Equal(before, await scene.Service.StateAsync());
        await control();
        Assert.NotEqual(before, await scene.Service.StateAsync());
    }

    [Fact]
    public void Every_rule_is_broken()
    {
        var broken = Cases.Select(item => item.Rule.Id).ToHashSet();
        var rules = typeof(DeliveryRules).GetFields().Select(field => ((Rule)field.GetValue(null)!).Id).ToList();
        Assert.NotEmpty(rules);
        Assert.Empty(rules.Except(broken));
    }

    private static Task<(Func<Task>, Func<Task>)> Both(Func<Task> broken, Func<Task> control) => Task.FromResult((broken, control));

    private static Refused Commit(Rule rule, string name, Func<DeliveryScene, (BuiltCommit Broken, BuiltCommit Control)> build) => new(rule, "InvalidCommit", name, scene =>
    {
        var (broken, control) = build(scene);
        return Both(() => scene.Service.CommitAsync(scene.Convo, scene.Alice, broken), () => scene.Service.CommitAsync(scene.Convo, scene.Alice, control));
    });
}
