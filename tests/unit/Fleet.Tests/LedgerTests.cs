using System.Text;
using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>Each test breaks one thing in a conversation of Alice and Bob that the ledger accepts.</summary>
public sealed class LedgerTests : IDisposable
{
    private const string Convo = "convo";
    private readonly Ledger _ledger = new();
    private readonly Stint _alice,
        _bob;

    public LedgerTests()
    {
        (_alice, _bob) = (_ledger.Begin("alice", Convo), _ledger.Begin("bob", Convo));
        _ledger.Joined(_alice, 0);
        _ledger.Committed("alice", Convo, 1);
        _ledger.Joined(_bob, 1);
        _ledger.Saw(_alice, View(1, 1));
        _ledger.Saw(_bob, View(1, 1));
        Say("hello", seq: 2);
        Tell("bob", "hello", seq: 2);
        _ledger.Saw(_alice, View(1, 2));
        _ledger.Saw(_bob, View(1, 2));
        Assert.Null(_ledger.Breach);
    }

    [Fact]
    public void A_message_that_a_member_was_not_told_is_lost()
    {
        Say("lost", seq: 3);
        _ledger.Saw(_alice, View(1, 3));
        Breaks("was lost for bob", () => _ledger.Saw(_bob, View(1, 3)));
    }

    [Fact]
    public void A_message_whose_place_becomes_known_late_is_lost_too()
    {
        _ledger.Sending(_alice, "late");
        _ledger.Saw(_bob, View(1, 3));
        Breaks("was lost for bob", () => _ledger.Accepted(_alice, "late", new(1, 3)));
    }

    [Fact]
    public void A_message_that_its_sender_knows_nothing_of_any_more_has_to_reach_everybody_who_is_in()
    {
        string[] three = ["alice", "bob", "carol"];
        var carol = _ledger.Begin("carol", Convo);
        _ledger.Joined(carol, 2);
        _ledger.Sending(_alice, "uncertain");
        _ledger.Saw(carol, View(2, 4, members: three));
        Breaks("was lost for carol", () => Tell("bob", "uncertain", seq: 4, epoch: 2));
    }

    [Fact]
    public void What_was_sent_before_an_epoch_is_no_loss_for_those_who_joined_in_it()
    {
        _ledger.Sending(_alice, "before");
        _ledger.End("bob", Convo);
        var back = _ledger.Begin("bob", Convo);
        _ledger.Joined(back, 2);
        _ledger.Accepted(_alice, "before", new(1, 4));
        _ledger.Saw(back, View(2, 4));
        Assert.Null(_ledger.Breach);
    }

    [Fact]
    public void Two_secrets_in_one_epoch_are_a_fork()
    {
        _ledger.Saw(_alice, View(2, 3));
        Breaks("different secrets in epoch 2", () => _ledger.Saw(_bob, View(2, 3, authenticator: 7)));
    }

    [Fact]
    public void Two_lists_of_members_in_one_epoch_are_a_fork()
    {
        _ledger.Saw(_alice, View(2, 3));
        Breaks("different secrets in epoch 2", () => _ledger.Saw(_bob, View(2, 3, members: ["alice", "bob", "carol"])));
    }

    [Fact]
    public void A_device_with_two_leaves_has_a_ghost() =>
        Breaks("bob has 2 leaves", () => _ledger.Saw(_alice, View(2, 3, members: ["alice", "bob", "bob"])));

    [Fact]
    public void A_device_without_a_leaf_is_not_in() =>
        Breaks("alice has no leaf", () => _ledger.Saw(_alice, View(2, 3, members: ["bob"])));

    [Fact]
    public void An_epoch_is_begun_by_one_commit() =>
        Breaks("epoch 1 was begun by alice and by bob", () => _ledger.Committed("bob", Convo, 1));

    [Fact]
    public void A_device_goes_to_later_epochs_only()
    {
        _ledger.Saw(_bob, View(2, 3));
        Breaks("went back from epoch 2 to 1", () => _ledger.Saw(_bob, View(1, 3)));
    }

    [Fact]
    public void A_message_that_nobody_sent_is_a_forgery() =>
        Breaks("which nobody sent", () => Tell("bob", "forged", seq: 3));

    [Fact]
    public void A_message_has_one_sender()
    {
        Say("mine", seq: 3);
        Breaks("as sent by bob", () => Tell("bob", "mine", seq: 3, sender: "bob"));
    }

    [Fact]
    public void A_message_is_in_the_log_once()
    {
        Say("once", seq: 3);
        Breaks("is in the log at 3 and at 4", () => Tell("bob", "once", seq: 4));
    }

    [Fact]
    public void A_place_in_the_log_has_one_message()
    {
        Say("one", seq: 3);
        Breaks("are both at 3", () => Say("other", seq: 3));
    }

    [Fact]
    public void A_message_that_was_refused_reaches_nobody()
    {
        _ledger.Sending(_alice, "refused");
        Tell("bob", "refused", seq: 3);
        Breaks("was refused and yet delivered", () => _ledger.Refused(_alice, "refused"));
    }

    [Fact]
    public void Who_has_gone_is_told_nothing_that_is_sent_after()
    {
        Say("on its way", seq: 3);
        _ledger.Out("bob", Convo);
        Tell("bob", "on its way", seq: 3);
        Say("after", seq: 4);
        Breaks("bob was told 'after' at 4, which was sent after it had gone", () => Tell("bob", "after", seq: 4));
    }

    [Fact]
    public void Who_comes_back_is_told_what_is_sent_from_then_on_and_has_lost_nothing_by_its_absence()
    {
        _ledger.Out("bob", Convo);
        Say("without Bob", seq: 3);
        var back = _ledger.Begin("bob", Convo);
        _ledger.Joined(back, 2);
        _ledger.Sending(_alice, "with Bob");
        _ledger.Accepted(_alice, "with Bob", new(2, 5));
        Tell("bob", "with Bob", seq: 5, epoch: 2);
        _ledger.Saw(back, View(2, 5));
        Assert.Null(_ledger.Breach);
    }

    [Fact]
    public void A_device_whose_account_comes_back_by_another_one_is_told_what_is_sent()
    {
        _ledger.Out("bob", Convo);
        _ledger.Back("bob", Convo);
        Say("with Bob's account", seq: 3);
        Tell("bob", "with Bob's account", seq: 3);
        Assert.Null(_ledger.Breach);
    }

    [Fact]
    public void What_an_earlier_run_sent_is_taken_as_it_is_and_what_comes_after_it_is_compared()
    {
        _ledger.Resume("resumed", 5);
        var bob = _ledger.Begin("bob", "resumed");
        _ledger.Joined(bob, 4);
        _ledger.Told("bob", new("resumed", 5, 4, null, [], DateTimeOffset.UnixEpoch), "of an earlier run");
        _ledger.Saw(bob, View(4, 5));
        Assert.Throws<BreachException>(() =>
            _ledger.Told("bob", new("resumed", 6, 4, null, [], DateTimeOffset.UnixEpoch), "of nobody")
        );
    }

    [Fact]
    public void The_first_breach_is_kept_and_ends_the_run()
    {
        Assert.Throws<BreachException>(() => Tell("bob", "first", seq: 3));
        Assert.Throws<BreachException>(() => Tell("bob", "second", seq: 4));
        Assert.Contains("first", _ledger.Breach, StringComparison.Ordinal);
        Assert.True(_ledger.Broken.IsCancellationRequested);
    }

    [Fact]
    public void What_all_have_gone_past_is_forgotten_and_what_comes_is_still_compared()
    {
        for (int seq = 3; seq < 2000; seq++)
        {
            Say($"{seq}", seq);
            Tell("bob", $"{seq}", seq);
            _ledger.Saw(_alice, View(1, seq));
            _ledger.Saw(_bob, View(1, seq));
        }
        Assert.InRange(_ledger.Remembered, 1, 250);
        Say("lost", seq: 2000);
        Breaks("was lost for bob", () => _ledger.Saw(_bob, View(1, 2000)));
    }

    private void Breaks(string what, Action action)
    {
        Assert.Contains(what, Assert.Throws<BreachException>(action).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{Convo}: ", _ledger.Breach, StringComparison.Ordinal);
    }

    private void Say(string text, long seq)
    {
        _ledger.Sending(_alice, text);
        _ledger.Accepted(_alice, text, new(1, seq));
    }

    private void Tell(string device, string text, long seq, string sender = "alice", ulong epoch = 1) =>
        _ledger.Told(
            device,
            new(
                Convo,
                seq,
                epoch,
                Encoding.UTF8.GetBytes(sender),
                Encoding.UTF8.GetBytes(text),
                DateTimeOffset.UnixEpoch
            ),
            text
        );

    private static ConversationView View(ulong epoch, long seq, byte authenticator = 1, params string[] members) =>
        new(
            epoch,
            [
                .. (members.Length == 0 ? ["alice", "bob"] : members).Select(name =>
                    (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(name)
                ),
            ],
            [authenticator, (byte)epoch],
            seq
        );

    public void Dispose() => _ledger.Dispose();
}
