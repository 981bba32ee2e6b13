using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Tests;

/// <summary>What a ban does to subscriptions that are open when it comes, on whichever host.</summary>
public sealed class Banned_subscribers(TestHost host) : IClassFixture<TestHost>
{
    private const string Alice = "did:web:alice.example.com",
        Bob = "did:web:bob.example.com",
        Charlie = "did:web:charlie.example.com";

    [Fact]
    public async Task A_ban_from_the_service_closes_them_and_no_ticket_follows()
    {
        using TestHost other = new(host);
        await host.CreateConvo(Alice, Bob);
        using EventClient bob = await other.Subscribe(Bob),
            alice = await host.Subscribe(Alice);
        Bans bans = host.Services.GetRequiredService<Bans>();
        await bans.BanAccountAsync(Actor.CommandLine, Did.Parse(Bob), null, CancellationToken.None);
        Assert.Equal("Unauthorized", await bob.Refusal());
        Assert.Equal("banned", Assert.IsType<SubscribeConvoEventsMembership>(await alice.Next()).Change);
        Assert.Equal(
            "Unauthorized",
            (await Assert.ThrowsAsync<RefusedException>(() => other.Ticket(Bob))).Refusal.Error
        );
        await bans.UnbanAccountAsync(Actor.CommandLine, Did.Parse(Bob), null, CancellationToken.None);
        using EventClient again = await host.Subscribe(Bob);
    }

    [Fact]
    public async Task A_ban_from_a_conversation_closes_them_too_and_a_new_one_has_what_is_left()
    {
        string convo = await host.CreateConvo(Alice, Charlie),
            left = await host.CreateConvo(Alice, Charlie);
        await host.Write(context =>
        {
            context
                .Set<RosterEntry>()
                .Attach(
                    new()
                    {
                        ConvoId = convo,
                        Did = Alice,
                        State = RosterState.Member,
                    }
                )
                .Entity.IsAdmin = true;
            return Task.CompletedTask;
        });
        await host.Enrol(Alice);
        using TestHost other = new(host);
        long start = await host.Relayed();
        using EventClient charlie = await other.Subscribe(Charlie);
        await host
            .Services.GetRequiredService<Bans>()
            .BanMemberAsync(
                new(Did.Parse(Alice), "test"),
                new(convo, Did.Parse(Charlie), null, null),
                CancellationToken.None
            );
        Assert.Equal("Unauthorized", await charlie.Refusal());
        await host.Tell(convo, 1);
        await host.Tell(left, 2);
        await host.Relayed();
        // From before the ban on: what closed the first is not told.
        using EventClient again = await host.Subscribe(Charlie, start);
        Assert.Equal(left, Assert.IsType<SubscribeConvoEventsGroupInfoRefreshRequested>(await again.Next()).ConvoId);
    }
}
