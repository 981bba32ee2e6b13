using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>This project's client and a client on ts-mls in one conversation, through the host.</summary>
public sealed class ClientAndTsMlsTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task The_client_and_ts_mls_each_recover_by_external_commit_and_read_each_other(ushort suite)
    {
        TsClient.Require();
        await using var theirs = TsSession.Start(fixture.Host.Url);
        var did = (await theirs.Do("device", "theirs", new { suite })).GetProperty("did").GetString()!;
        await using var ours = await Person.Start(
            fixture.Host.Url,
            "ours",
            configure: options => options.CipherSuite = suite
        );
        var convoId = await ours.Conversations.CreateAsync();
        await ours.Conversations.AddMembersAsync(convoId, [did]);
        await theirs.Do("acceptWelcomes", "theirs");
        await Agree("first");

        await theirs.Do("loseState", "theirs");
        await theirs.Do("rejoin", "theirs", new { convoId });
        await Agree("they are back");

        await ours.Restart();
        Assert.Equal(RejoinWay.ExternalCommit, Assert.Single(await ours.Client.StartAsync()).Rejoin!.Way);
        await Agree("we are back");

        // This runs the sample in TypeScript of docs/client.md.
        await theirs.Do("quickStart", "theirs", new { convoId });
        Assert.Equal(
            "I am back"u8.ToArray(),
            Assert.Single((await ours.Conversations.SyncAsync(convoId)).Messages).Data
        );
        Assert.Equal(2, (await ours.Conversations.ViewAsync(convoId))!.Members.Count);

        async Task Agree(string said)
        {
            await ours.Conversations.SyncAsync(convoId);
            await ours.Conversations.SendAsync(convoId, System.Text.Encoding.UTF8.GetBytes(said));
            var texts = (await theirs.Do("receive", "theirs", new { convoId }))
                .GetProperty("texts")
                .EnumerateArray()
                .Select(text => text.GetString());
            Assert.Contains(said, texts);
            await theirs.Do("send", "theirs", new { convoId, text = $"{said}, too" });
            Assert.Contains(
                (await ours.Conversations.SyncAsync(convoId)).Messages,
                message => System.Text.Encoding.UTF8.GetString(message.Data) == $"{said}, too"
            );
            var view = await theirs.Do("view", "theirs", new { convoId });
            var (epoch, authenticator) = await ours.Where(convoId);
            Assert.Equal(
                (epoch, authenticator),
                (view.GetProperty("epoch").GetUInt64(), view.GetProperty("authenticatorHash").GetString())
            );
        }
    }
}
