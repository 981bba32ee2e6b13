using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

/// <summary>One key's count, by one host and by several over one shared count.</summary>
public sealed class Counting_requests
{
    private long _shared;
    private int _asked;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(100)]
    [InlineData(601)]
    public async Task One_host_gives_exactly_the_limit(int limit)
    {
        RateCounter counter = New(limit);
        for (int i = 0; i < limit; i++)
        {
            Assert.Equal(limit - i, counter.Remaining);
            Assert.True(await counter.TakeAsync());
        }
        for (int i = 0; i < 100; i++)
            Assert.False(await counter.TakeAsync());
        Assert.Equal(0, counter.Remaining);
        // Nobody is asked for the first eighth, once for each further one, and never again once there is none left.
        Assert.InRange(_asked, 1, 12);
    }

    [Fact]
    public async Task The_first_eighth_asks_nobody()
    {
        RateCounter counter = New(80);
        for (int i = 0; i < 10; i++)
            Assert.True(await counter.TakeAsync());
        Assert.Equal(0, _asked);
        Assert.True(await counter.TakeAsync());
        Assert.Equal(1, _asked);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Several_hosts_give_the_limit_and_at_most_an_eighth_more_for_each_further_one(int hosts)
    {
        const int Limit = 160;
        RateCounter[] counters = [.. Enumerable.Range(0, hosts).Select(_ => New(Limit))];
        int given = 0;
        for (int i = 0; i < 10 * Limit; i++)
            if (await counters[i % hosts].TakeAsync())
                given++;
        Assert.InRange(given, Limit, Limit + (hosts - 1) * Limit / 8);
        Assert.All(counters, static counter => Assert.Equal(0, counter.Remaining));
    }

    [Fact]
    public async Task What_another_host_used_is_known_once_the_shared_count_was_asked()
    {
        RateCounter one = New(80),
            other = New(80);
        for (int i = 0; i < 40; i++)
            await one.TakeAsync();
        for (int i = 0; i < 11; i++)
            await other.TakeAsync();
        Assert.Equal(80 - 40 - 11, other.Remaining);
    }

    [Fact]
    public async Task However_many_come_at_once_the_limit_is_the_limit()
    {
        RateCounter counter = New(100, pause: true);
        bool[] taken = await Task.WhenAll(
            Enumerable.Range(0, 1000).Select(_ => Task.Run(async () => await counter.TakeAsync()))
        );
        Assert.Equal(100, taken.Count(static one => one));
    }

    [Fact]
    public async Task What_is_given_back_can_be_taken_again()
    {
        RateCounter counter = New(3);
        for (int i = 0; i < 3; i++)
            Assert.True(await counter.TakeAsync());
        Assert.False(await counter.TakeAsync());
        counter.Return();
        Assert.True(await counter.TakeAsync());
        Assert.False(await counter.TakeAsync());
    }

    [Fact]
    public async Task A_shared_count_that_is_away_is_asked_again_when_it_is_back()
    {
        bool away = true;
        RateCounter counter = new(
            8,
            amount =>
                away ? throw new IOException("away") : Task.FromResult(Interlocked.Add(ref _shared, amount) - amount)
        );
        Assert.True(await counter.TakeAsync());
        await Assert.ThrowsAsync<IOException>(async () => await counter.TakeAsync());
        away = false;
        for (int i = 1; i < 8; i++)
            Assert.True(await counter.TakeAsync());
        Assert.False(await counter.TakeAsync());
    }

    private RateCounter New(int limit, bool pause = false) =>
        new(
            limit,
            async amount =>
            {
                Interlocked.Increment(ref _asked);
                if (pause)
                    await Task.Yield();
                return Interlocked.Add(ref _shared, amount) - amount;
            }
        );
}
