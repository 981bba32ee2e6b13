using System.Text;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>What becomes of messages when the application does not take them.</summary>
public sealed class MessagesOfTheClientTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    public async Task A_message_that_the_application_did_not_take_is_told_again_and_then_no_more()
    {
        bool full = true;
        var told = new List<(long Seq, string Text)>();
        await using var couple = await Couple.Meet(
            fixture.Host.Url,
            ofBob: options =>
                options.OnMessage = (message, _) =>
                {
                    told.Add((message.Seq, Encoding.UTF8.GetString(message.Data)));
                    return full ? throw new IOException("no space left") : default;
                }
        );
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "one"u8.ToArray());

        await Assert.ThrowsAsync<IOException>(() => couple.Bob.Conversations.SyncAsync(couple.ConvoId));
        full = false;
        Assert.Single((await couple.Bob.Conversations.SyncAsync(couple.ConvoId)).Messages);
        Assert.Empty((await couple.Bob.Conversations.SyncAsync(couple.ConvoId)).Messages);

        Assert.Equal(2, told.Count);
        Assert.Equal(told[0], told[1]);
        Assert.Equal("one", told[0].Text);
        await couple.Agree();
    }

    [Fact]
    public async Task A_log_that_goes_back_is_no_endless_one()
    {
        await using var couple = await Couple.Meet(fixture.Host.Url);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "one"u8.ToArray());
        HttpResponseMessage? first = null;
        couple.Bob.Meddler.After = async (method, answer) =>
        {
            if (method != "getMessages")
                return answer;
            // The client gets the first page again, whatever it asks for.
            string page = await (first ??= answer).Content.ReadAsStringAsync();
            return new(answer.StatusCode) { Content = new StringContent(page, Encoding.UTF8, "application/json") };
        };
        Assert.Equal(
            ClientErrors.InvalidAnswer,
            (
                await Assert.ThrowsAsync<MlsClientException>(() => couple.Bob.Conversations.SyncAsync(couple.ConvoId))
            ).Error
        );
        Assert.Equal(2, couple.Bob.Meddler.Count("getMessages"));
        couple.Bob.Meddler.After = null;
        await couple.Agree();
    }

    [Fact]
    public async Task What_was_opened_before_the_service_stopped_answering_comes_with_what_is_opened_next()
    {
        await using var couple = await Couple.Meet(fixture.Host.Url);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "one"u8.ToArray());
        int pages = 0;
        couple.Bob.Meddler.Before = method =>
            method == "getMessages" && ++pages > 1
                ? throw new HttpRequestException("The service is gone.")
                : Task.CompletedTask;
        Assert.Equal(
            ClientErrors.Unreachable,
            (
                await Assert.ThrowsAsync<MlsClientException>(() => couple.Bob.Conversations.SyncAsync(couple.ConvoId))
            ).Error
        );
        couple.Bob.Meddler.Before = null;
        // This holds also where the device has to catch up for something else before.
        await couple.Alice.Conversations.UpdateAsync(couple.ConvoId);
        await couple.Bob.Conversations.UpdateAsync(couple.ConvoId);
        await couple.Alice.Conversations.SendAsync(couple.ConvoId, "two"u8.ToArray());
        Assert.Equal(
            ["one", "two"],
            (await couple.Bob.Conversations.SyncAsync(couple.ConvoId)).Messages.Select(message =>
                Encoding.UTF8.GetString(message.Data)
            )
        );
        Assert.Empty((await couple.Bob.Conversations.SyncAsync(couple.ConvoId)).Messages);
    }
}
