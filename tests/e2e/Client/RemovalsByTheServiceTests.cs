using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// Removals that the service proposes in a group that lists the service as external sender, committed by devices on
/// this project's client.
/// </summary>
public sealed class RemovalsByTheServiceTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    private Uri Url => fixture.Host.Url;

    [Fact]
    public async Task A_member_commits_the_removal_of_who_left_before_it_sends()
    {
        await using var alice = await Person.Start(
            Url,
            "phone",
            configure: static options => options.ListService = true
        );
        await using var tablet = await Person.Start(Url, "tablet", alice.Key);
        using var bob = await MemberDevice.Register(Url, "bob");
        var convoId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(convoId, [bob.User.Did]);
        await bob.Rejoin(convoId);
        var group = bob.Group(convoId);
        await bob.User.MustDo(
            "leaveConvo",
            new
            {
                convoId,
                proposals = new[] { Convert.ToBase64String(group.Propose(new RemoveProposal(group.OwnLeaf))) },
            }
        );
        // An external commit cannot carry that proposal, which is void after the external commit.
        var joined = await tablet.Client.JoinByExternalCommitAsync(convoId);
        await Proposed(alice, convoId, joined.Epoch);
        await alice.Conversations.SyncAsync(convoId);
        Assert.Equal(3, (await alice.Conversations.ViewAsync(convoId))!.Members.Count);

        await alice.Conversations.SendAsync(convoId, "without Bob"u8.ToArray());

        var heard = await tablet.Conversations.SyncAsync(convoId);
        Assert.Equal("without Bob", Encoding.UTF8.GetString(Assert.Single(heard.Messages).Data));
        Assert.Equal(await alice.Where(convoId), await tablet.Where(convoId));
        var members = (await tablet.Conversations.ViewAsync(convoId))!.Members.Select(identity =>
            Encoding.UTF8.GetString(identity.Span)
        );
        Assert.Equal([$"{alice.Did}#phone", $"{alice.Did}#tablet"], members.Order(StringComparer.Ordinal));
    }

    /// <summary>Waits until the service has proposed something in an epoch.</summary>
    private static async Task Proposed(Person person, string convoId, ulong epoch)
    {
        for (int tries = 1; ; tries++)
        {
            var log = await person.Client.Call(Lexicons.GetMessages, new() { ConvoId = convoId });
            if (log.Messages.Any(entry => entry.Kind == "proposal" && (ulong)entry.Epoch == epoch))
                return;
            Assert.True(tries < 600, "The service proposed nothing.");
            await Task.Delay(100);
        }
    }
}
