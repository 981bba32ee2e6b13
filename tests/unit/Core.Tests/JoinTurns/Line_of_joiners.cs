using MlsConsole.Core.JoinTurns;

namespace MlsConsole.Core.Tests;

/// <summary>The line as a value: who is next, who keeps a place, who is out.</summary>
public class Line_of_joiners
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan s_length = JoinLine.TurnLength(10);
    private static readonly JoinLine s_empty = new("convo", 7, []);

    private static DateTimeOffset At(double seconds) => s_start + TimeSpan.FromSeconds(seconds);

    private static JoinLine Enter(JoinLine line, long device, double seconds) =>
        line.Enter(device, $"turn-of-{device}", At(seconds), s_length);

    /// <summary>Device 1 has the turn, 2 and 3 wait.</summary>
    private static JoinLine Three() => Enter(Enter(Enter(s_empty, 1, 0), 2, 0), 3, 0);

    [Fact]
    public void The_first_has_the_turn_at_once_for_a_second_and_two_milliseconds_a_leaf()
    {
        var own = Enter(s_empty, 1, 0).Of(1)!;
        Assert.Equal(("turn-of-1", 7L, s_start + TimeSpan.FromMilliseconds(1020)), (own.TurnId, own.Epoch, own.Until));
    }

    [Fact]
    public void Others_wait_in_the_order_in_which_they_came()
    {
        var line = Three();
        Assert.Equal([1L, 2, 3], line.Places.Select(place => place.DeviceRow));
        Assert.Single(line.Places, place => place.HasTurn);
        Assert.Equal((1, 2), (line.PositionOf(2), line.PositionOf(3)));
        Assert.Null(line.Next(At(0)));
    }

    [Fact]
    public void A_device_has_one_place_and_keeps_it_when_it_asks_again()
    {
        var line = Enter(Enter(Three(), 2, 0.5), 1, 0.5);
        Assert.Equal([1L, 2, 3], line.Places.Select(place => place.DeviceRow));
        Assert.Equal(Three().Of(1), line.Of(1));
        Assert.Equal(At(5.5), line.Of(2)!.Until);
    }

    [Fact]
    public void When_a_turn_is_over_the_first_who_waits_is_next()
    {
        var line = Three().At(At(1.5));
        Assert.Equal(2, line.Next(At(1.5))!.DeviceRow);
        var given = line.Give(2, "second", At(1.5), s_length);
        Assert.Equal(("second", At(1.5) + s_length), (given.Of(2)!.TurnId, given.Of(2)!.Until));
        Assert.Null(given.Next(At(1.5)));
    }

    [Fact]
    public void Who_does_not_wait_is_passed_over_and_keeps_its_place_for_ten_seconds()
    {
        // Device 2 asked last at 0 and is answered at 5; device 3 asks again.
        var line = Enter(Three(), 3, 4).At(At(6));
        Assert.Equal(3, line.Next(At(6))!.DeviceRow);
        Assert.Equal(
            2,
            Enter(line, 2, 6.5).Next(At(6.5))?.DeviceRow
                ?? Enter(line, 2, 6.5).Places.Single(place => place.HasTurn).DeviceRow
        );
        Assert.NotNull(line.At(At(14.9)).Of(2));
        Assert.Null(line.At(At(15)).Of(2));
    }

    [Fact]
    public void Who_disconnects_keeps_its_place_for_ten_seconds_from_then()
    {
        var line = Three().Leave(2, At(0.25));
        Assert.NotEqual(2, line.At(At(2)).Next(At(2))?.DeviceRow);
        Assert.NotNull(line.At(At(10.2)).Of(2));
        Assert.Null(line.At(At(10.25)).Of(2));
        Assert.Equal(Three().Of(1), Three().Leave(1, At(0.25)).Of(1));
    }

    [Fact]
    public void Three_unused_turns_bar_a_device_for_an_hour()
    {
        var line = s_empty;
        for (int i = 0; i < 3; i++)
        {
            line = Enter(line, 1, 10 * i);
            Assert.Equal((true, i), (line.Of(1)!.HasTurn, line.Of(1)!.Unused));
        }
        double ended = 20 + s_length.TotalSeconds;
        var barred = Enter(line, 1, ended).Of(1)!;
        Assert.Equal((0L, false, At(ended) + TimeSpan.FromHours(1)), (barred.Place, barred.HasTurn, barred.Until));
        Assert.Equal(0, Enter(line, 1, ended + 3599).Of(1)!.Place);
        Assert.True(Enter(line, 1, ended + 3600).Of(1)!.HasTurn);
        Assert.True(Enter(line, 2, ended).Of(2)!.HasTurn);
    }

    [Fact]
    public void An_unused_turn_is_remembered_for_an_hour_while_others_come_and_go()
    {
        var line = Enter(Enter(s_empty, 1, 0), 2, 600);
        Assert.Equal((0L, 1), (line.Of(1)!.Place, line.Of(1)!.Unused));
        Assert.Null(line.At(At(3602)).Of(1));
    }

    [Fact]
    public void Who_is_overtaken_has_the_whole_time_again()
    {
        var line = Enter(Three() with { Epoch = 8 }, 1, 0.9);
        Assert.Equal(
            ("turn-of-1", 8L, At(0.9) + s_length, 0),
            (line.Of(1)!.TurnId, line.Of(1)!.Epoch, line.Of(1)!.Until, line.Of(1)!.Unused)
        );
        Assert.Equal(line, Enter(line, 1, 1.0) with { Places = line.Places });
        Assert.Equal(line.Of(1), Enter(line, 1, 1.0).Of(1));
    }

    [Fact]
    public void Who_was_overtaken_and_comes_late_keeps_the_head_of_the_line()
    {
        var line = (Three() with { Epoch = 8 }).At(At(2));
        Assert.Equal((1L, 0, false), (line.Places[0].DeviceRow, line.Places[0].Unused, line.Places[0].HasTurn));
        Assert.Equal(2, line.Next(At(2))!.DeviceRow); // nobody waits for one who is not there
        Assert.True(Enter(line, 1, 2).Of(1)!.HasTurn);
    }

    [Fact]
    public void A_turn_that_nobody_was_there_to_get_is_not_unused()
    {
        var line = Three().Return("turn-of-1", At(0.5));
        Assert.Equal((false, 0, At(0.5)), (line.Of(1)!.HasTurn, line.Of(1)!.Unused, line.Of(1)!.Until));
        Assert.Equal(2, line.Next(At(0.5))!.DeviceRow);
    }

    [Fact]
    public void A_line_that_is_full_takes_nobody_more()
    {
        var line = s_empty;
        for (int i = 1; i <= JoinLine.MaxPlaces; i++)
            line = Enter(line, i, 0);
        Assert.Null(Enter(line, 5000, 0).Of(5000));
        Assert.NotNull(Enter(line, JoinLine.MaxPlaces, 0).Of(JoinLine.MaxPlaces));
        Assert.NotNull(Enter(line, 5000, 15).Of(5000));
    }
}
