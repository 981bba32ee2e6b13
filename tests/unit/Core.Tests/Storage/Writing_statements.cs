using Microsoft.EntityFrameworkCore;

namespace MlsConsole.Core.Tests;

public class Writing_statements
{
    [Theory]
    [InlineData(0, true)]
    [InlineData(5, false)] // the conversation is not there: as after commits that came while the message was checked
    public async Task A_message_is_written_whole_or_not_at_all(long epoch, bool written)
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var convo = await service.CreateConvoAsync(alice); // an empty log: no entry has the number before the next
        string before = await service.StateAsync();
        var entry = new LogEntry { ConvoId = convo.Id, Kind = LogKind.Message, Epoch = epoch, Message = [1], Sender = alice.Did, CreatedAt = DateTimeOffset.UtcNow };
        var write = () => service.Database.WriteAsync(Messages.StatementsOf(entry), CancellationToken.None);
        if (written) Assert.Equal(1, await write());
        else await Assert.ThrowsAsync<OvertakenException>(write);
        Assert.Equal(written, before != await service.StateAsync());
    }

    [Fact]
    public async Task Of_many_that_wait_each_gets_its_own_answer_and_one_that_fails_takes_back_its_own_part_alone()
    {
        await using var service = await Service.StartAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            try
            {
                return await service.Database.WriteAsync(async context =>
                {
                    await context.Database.ExecuteSqlAsync($"INSERT INTO used_tokens (issuer, jti, expires_at) VALUES ({"did:example:a"}, {i.ToString()}, 1)");
                    return i % 7 == 0 ? throw new InvalidOperationException($"{i}") : i;
                }, CancellationToken.None);
            }
            catch (InvalidOperationException broken)
            {
                return -int.Parse(broken.Message);
            }
        }));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? -i : i), results);
        await using var read = service.Database.Read();
        var kept = await read.Set<TokenReplay.UsedToken>().Select(token => token.Jti).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i % 7 != 0).Select(i => i.ToString()).Order(), kept.Order());
    }
}
