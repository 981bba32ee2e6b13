using MlsConsole.Lexicon;

namespace MlsConsole.Clients.Native;

/// <summary>What a program in another language is told of an event, before that is put into a structure of C.</summary>
public sealed class EventQueueTests
{
    private static readonly SubscribeConvoEventsInfo s_began = new() { Name = "Opened" };

    [Fact]
    public void What_happened_is_told_with_its_name_and_what_it_is_about()
    {
        var told = Assert.Single(
            EventQueue.Of(
                new(
                    new SubscribeConvoEventsMembership
                    {
                        Seq = 7,
                        ConvoId = "convo",
                        Did = "did:web:bob",
                        Change = "left",
                        Time = DateTimeOffset.UnixEpoch,
                    },
                    null,
                    null
                )
            )
        );
        Assert.Equal(
            (EventKind.Changed, "membership", "convo", 7, "did:web:bob", "left"),
            (told.Kind, told.Name, told.ConversationId, told.Seq, told.Did, told.Detail)
        );
    }

    [Fact]
    public void A_device_that_is_back_is_told_so() =>
        Assert.Equal(
            [EventKind.Changed, EventKind.Rejoined],
            Kinds(Synchronised(new("convo", RejoinWay.ExternalCommit, true, 3, 1, default, default)))
        );

    [Fact]
    public void One_that_waits_for_a_member_or_an_approval_is_not_told_that_it_is_back()
    {
        Assert.Equal(
            [EventKind.Changed],
            Kinds(Synchronised(new("convo", RejoinWay.Legacy, false, 0, 2, default, default)))
        );
        Assert.Equal(
            [EventKind.Changed],
            Kinds(
                Synchronised(
                    new("convo", RejoinWay.ExternalCommit, false, 0, 1, default, default, AwaitsApproval: true)
                )
            )
        );
    }

    [Fact]
    public void One_that_was_removed_is_told_so() =>
        Assert.Equal([EventKind.Changed, EventKind.Removed], Kinds(Synchronised(null) with { Removed = true }));

    [Fact]
    public void A_failure_is_told_in_the_place_of_the_event()
    {
        var failure = new MlsClientException("Unauthorized", "refused");
        var told = Assert.Single(EventQueue.Of(new(s_began, null, failure)));
        Assert.Equal((EventKind.Failed, failure), (told.Kind, told.Failure));
    }

    private static SyncResult Synchronised(RejoinResult? rejoin) => new("convo", 3, [], 0, 0, false, rejoin);

    private static IEnumerable<EventKind> Kinds(SyncResult sync) =>
        EventQueue.Of(new(s_began, sync, null)).Select(static one => one.Kind);
}
