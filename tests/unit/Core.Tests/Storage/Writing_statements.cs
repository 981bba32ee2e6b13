using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Identity;
using MlsConsole.Core.Messages;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

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
        var entry = new LogEntry
        {
            ConvoId = convo.Id,
            Kind = LogKind.Message,
            Epoch = epoch,
            Message = [1],
            Sender = alice.Did,
            CreatedAt = DateTimeOffset.UtcNow,
        };
        var write = () => service.Database.WriteAsync(MessageDelivery.StatementsOf(entry), CancellationToken.None);
        if (written)
            Assert.Equal(1, await write());
        else
            await Assert.ThrowsAsync<OvertakenException>(write);
        Assert.Equal(written, before != await service.StateAsync());
    }

    [Fact]
    public async Task Of_many_that_wait_each_gets_its_own_answer_and_one_that_fails_takes_back_its_own_part_alone()
    {
        await using var service = await Service.StartAsync();
        var results = await Task.WhenAll(
            Enumerable
                .Range(0, 200)
                .Select(async i =>
                {
                    try
                    {
                        return await service.Database.WriteAsync(
                            async context =>
                            {
                                await context.Database.ExecuteSqlAsync(
                                    $"""
                                    INSERT INTO used_tokens (issuer, jti, expires_at)
                                    VALUES ({"did:example:a"}, {i.ToString()}, 1)
                                    """
                                );
                                return i % 7 == 0 ? throw new InvalidOperationException($"{i}") : i;
                            },
                            CancellationToken.None
                        );
                    }
                    catch (InvalidOperationException broken)
                    {
                        return -int.Parse(broken.Message);
                    }
                })
        );
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? -i : i), results);
        await using var read = service.Database.Read();
        var kept = await read.Set<TokenReplay.UsedToken>().Select(token => token.Jti).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 200).Where(i => i % 7 != 0).Select(i => i.ToString()).Order(), kept.Order());
    }

    [Fact]
    public async Task Of_many_single_statements_each_gets_its_own_number_and_one_that_breaks_takes_no_other_with_it()
    {
        await using var service = await Service.StartAsync();
        FormattableString Use(string jti) =>
            $"""
                INSERT INTO used_tokens (issuer, jti, expires_at)
                VALUES ({"did:example:a"}, {jti}, {long.Parse(jti)})
                ON CONFLICT DO NOTHING RETURNING expires_at AS "Value"
                """;
        // What comes while one has to wait goes together.
        TaskCompletionSource begun = new(),
            ended = new();
        var holding = Task.Run(() =>
            service.Database.WriteAsync(
                async context =>
                {
                    await context.Database.ExecuteSqlAsync(
                        $"INSERT INTO used_tokens (issuer, jti, expires_at) VALUES ({"did:example:a"}, {"1000"}, 1)"
                    );
                    begun.SetResult();
                    await ended.Task;
                    return 0;
                },
                CancellationToken.None
            )
        );
        await begun.Task;
        var held = service.Database.WriteAsync(Use("1000"), CancellationToken.None);
        var numbers = Enumerable
            .Range(0, 100)
            .Select(i => service.Database.WriteAsync(Use($"{i % 50}"), CancellationToken.None))
            .ToList();
        var broken = service.Database.WriteAsync(
            $"""
            INSERT INTO leaves (convo_id, leaf_index, device_row) VALUES ({"nowhere"}, {0}, {0L})
            RETURNING device_row AS "Value"
            """,
            CancellationToken.None
        );
        ended.SetResult();
        await holding;
        Assert.Null(await held);
        await Assert.ThrowsAnyAsync<DbException>(() => broken);
        await Task.WhenAll(numbers);
        // Two use each, and one of them is the first.
        for (int i = 0; i < 50; i++)
            Assert.Equal([i], new[] { await numbers[i], await numbers[i + 50] }.OfType<long>());
    }

    [Fact]
    public async Task Of_two_hosts_that_use_the_same_tokens_at_once_each_token_is_good_at_one()
    {
        await using var service = await Service.StartAsync();
        await using var otherHost = await service.SecondHostAsync();
        var used = await Task.WhenAll(
            Enumerable
                .Range(0, 400)
                .Select(i =>
                    Task.Run(() =>
                        (i < 200 ? service : otherHost)
                            .Get<TokenReplay>()
                            .TryUseAsync(
                                "did:example:a",
                                $"{(i < 200 ? i : 399 - i)}",
                                DateTimeOffset.UtcNow.AddMinutes(1)
                            )
                    )
                )
        );
        for (int i = 0; i < 200; i++)
            Assert.NotEqual(used[i], used[399 - i]);
    }

    [Fact]
    public async Task What_goes_together_goes_in_one_order_at_every_host_so_that_no_two_wait_for_each_other()
    {
        TaskCompletionSource sent = new();
        var groups = new List<IReadOnlyList<FormattableString>>();
        var sender = new BatchSender(async statements =>
        {
            groups.Add(statements);
            await sent.Task;
            return [.. statements.Select(statement => (long?)(int)statement.GetArgument(1)!)];
        });
        int[] order = [.. Enumerable.Range(0, 40)];
        Random.Shared.Shuffle(order);
        var numbers = order.Select(i => sender.WriteAsync($"{$"key {i / 10}"} {i % 10}")).ToList();
        sent.SetResult();
        Assert.Equal(order.Select(i => (long?)(i % 10)), await Task.WhenAll(numbers));
        Assert.Equal(2, groups.Count); // the first that came alone, and all who came meanwhile
        Assert.Equal(
            order.Skip(1).Order().Select(i => $"key {i / 10} {i % 10}"),
            groups[1].Select(statement => statement.ToString())
        );
    }

    [Fact]
    public async Task What_is_being_written_while_a_host_ends_is_on_disk()
    {
        await using var service = await Service.StartAsync();
        var second = await service.SecondHostAsync();
        TaskCompletionSource begun = new(),
            ended = new();
        var writing = Task.Run(() =>
            second.Database.WriteAsync(
                async context =>
                {
                    begun.SetResult();
                    await ended.Task;
                    context.Add(new TokenReplay.UsedToken { Issuer = "did:example:a", Jti = "1" });
                    return 1;
                },
                CancellationToken.None
            )
        );
        await begun.Task;
        await second.DisposeAsync();
        ended.SetResult();
        Assert.Equal(1, await writing);
        await using var read = service.Database.Read();
        Assert.Single(await read.Set<TokenReplay.UsedToken>().ToListAsync());
    }

    [Fact]
    public async Task Who_decides_from_what_it_reads_decides_as_if_it_were_alone_however_many_writers_there_are()
    {
        await using var service = await Service.StartAsync();
        await using var otherHost = await service.SecondHostAsync();
        await Task.WhenAll(
            Enumerable
                .Range(0, 100)
                .Select(i =>
                    Task.Run(() =>
                        (i % 2 == 0 ? service : otherHost).Database.WriteAsync(
                            async context =>
                            {
                                // Every second writer finds that another one has the row, or breaks a key where the
                                // row came in between.
                                string next =
                                    i % 4 < 2
                                        ? $"shared {i / 4}"
                                        : (
                                            await context
                                                .Set<TokenReplay.UsedToken>()
                                                .CountAsync(token => token.Issuer == "did:example:b")
                                        ).ToString();
                                string issuer = i % 4 < 2 ? "did:example:a" : "did:example:b";
                                if (
                                    !await context
                                        .Set<TokenReplay.UsedToken>()
                                        .AnyAsync(token => token.Issuer == issuer && token.Jti == next)
                                )
                                    context.Add(new TokenReplay.UsedToken { Issuer = issuer, Jti = next });
                                return 0;
                            },
                            CancellationToken.None
                        )
                    )
                )
        );
        await using var read = service.Database.Read();
        var kept = await read.Set<TokenReplay.UsedToken>()
            .Select(token => new { token.Issuer, token.Jti })
            .ToListAsync();
        Assert.Equal(
            Enumerable.Range(0, 25).Select(i => $"shared {i}").Order(),
            kept.Where(token => token.Issuer == "did:example:a").Select(token => token.Jti).Order()
        );
        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"{i}").Order(),
            kept.Where(token => token.Issuer == "did:example:b").Select(token => token.Jti).Order()
        );
    }

    [Fact]
    public async Task What_breaks_a_constraint_again_and_again_fails()
    {
        await using var service = await Service.StartAsync();
        await Assert.ThrowsAsync<DbUpdateException>(() =>
            service.Database.WriteAsync(
                context =>
                {
                    context.Add(
                        new Leaf
                        {
                            ConvoId = "nowhere",
                            LeafIndex = 0,
                            DeviceRow = 0,
                        }
                    );
                    return Task.FromResult(0);
                },
                CancellationToken.None
            )
        );
        var used = () =>
            service.Database.WriteAsync(
                context =>
                {
                    context.Add(new TokenReplay.UsedToken { Issuer = "did:example:a", Jti = "1" });
                    return Task.FromResult(0);
                },
                CancellationToken.None
            );
        await used();
        await Assert.ThrowsAsync<DbUpdateException>(used);
    }
}
