using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Events;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Tests;

public class Subscription_tickets
{
    [Fact]
    public async Task A_ticket_opens_one_subscription_of_its_account()
    {
        await using var service = await Service.StartAsync();
        var tickets = service.Get<SubscriptionTickets>();
        var issued = await tickets.IssueAsync(Service.Caller("did:example:alice"), null, default);
        Assert.NotEqual(issued, await tickets.IssueAsync(Service.Caller("did:example:alice"), null, default));
        Assert.Null(await tickets.TryUseAsync(issued.Ticket + "A", default));
        Assert.Null(await tickets.TryUseAsync("", default));
        var uses = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => Task.Run(() => tickets.TryUseAsync(issued.Ticket, default)))
        );
        Assert.Equal("did:example:alice", Assert.Single(uses, did => did is not null));
        Assert.Null(await tickets.TryUseAsync(issued.Ticket, default));
    }

    [Fact]
    public async Task A_retry_gets_the_same_ticket_and_the_database_has_no_ticket_in_its_table()
    {
        await using var service = await Service.StartAsync();
        var tickets = service.Get<SubscriptionTickets>();
        var issued = await tickets.IssueAsync(Service.Caller("did:example:alice"), "key", default);
        Assert.Equal(issued, await tickets.IssueAsync(Service.Caller("did:example:alice"), "key", default));
        await using var context = service.Database.Read();
        Assert.NotEqual(
            Convert.ToHexString(System.Text.Encoding.UTF8.GetBytes(issued.Ticket)),
            Convert.ToHexString((await context.Set<SubscriptionTicket>().SingleAsync()).Hash)
        );
    }

    [Fact]
    public async Task An_old_ticket_opens_nothing_and_is_taken_away()
    {
        await using var service = await Service.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var tickets = new SubscriptionTickets(service.Get<CallRunner>(), service.Database, clock);
        var issued = await tickets.IssueAsync(Service.Caller("did:example:alice"), null, default);
        clock.Advance(issued.ExpiresAt - clock.GetUtcNow() + TimeSpan.FromMilliseconds(1));
        Assert.Null(await tickets.TryUseAsync(issued.Ticket, default));
        await tickets.IssueAsync(Service.Caller("did:example:alice"), null, default);
        await using var context = service.Database.Read();
        Assert.Equal(1, await context.Set<SubscriptionTicket>().CountAsync());
    }
}
