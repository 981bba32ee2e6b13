using Bunit;
using MlsConsole.Core.Audit;
using MlsConsole.Dashboard.Overview;
using MlsConsole.Dashboard.Shared;

namespace MlsConsole.Dashboard.Tests;

public class Drawing_the_overview : BunitContext
{
    [Fact]
    public void A_tile_says_its_value_target_and_verdict_in_words()
    {
        var tile = Judgement.Tiles(
            Judging_the_overview.Overview(accepted: 90, failed: 10, episodes: 100, failedEpisodes: 10)
        )[1];
        var drawn = Render<MetricTile>(parameters => parameters.Add(component => component.Tile, tile));
        Assert.Equal("90 %", drawn.Find(".value").TextContent);
        Assert.Equal("of attempts; target at least 99 % of rejoins", drawn.Find(".target").TextContent);
        Assert.Equal("Off target: 90 % of 100 rejoins succeeded", drawn.Find(".verdict span").TextContent);
        Assert.Equal("Success rate", drawn.Find("section").GetAttribute("aria-label"));
        Assert.Equal("Success rate over the window, now 90 %", drawn.Find("svg.sparkline").GetAttribute("aria-label"));
    }

    [Fact]
    public void A_gap_breaks_the_line_and_a_single_point_is_a_dash()
    {
        var drawn = Render<Sparkline>(parameters =>
            parameters
                .Add(component => component.Label, "x")
                .Add(component => component.Points, [1, 2, null, 4, null, null])
        );
        var lines = drawn.FindAll("polyline");
        Assert.Equal(2, lines.Count);
        Assert.All(lines, line => Assert.Equal(2, line.GetAttribute("points")!.Split(' ').Length));
    }

    [Fact]
    public void No_points_draw_nothing() =>
        Assert.Empty(
            Render<Sparkline>(parameters =>
                    parameters.Add(component => component.Label, "x").Add(component => component.Points, [null, null])
                )
                .FindAll("polyline")
        );

    [Fact]
    public void Outcomes_come_with_icon_word_and_share()
    {
        var drawn = Render<OutcomeTable>(parameters =>
            parameters.Add(
                component => component.Outcomes,
                [new("accepted", null, 3), new("EpochMismatch", "stale", 1)]
            )
        );
        var rows = drawn.FindAll("tbody tr");
        Assert.Equal(
            ["accepted", "EpochMismatch"],
            rows.Select(row => row.QuerySelector(".outcome")!.TextContent.Trim())
        );
        Assert.All(rows, row => Assert.NotNull(row.QuerySelector("svg")));
        Assert.Contains("75%", rows[0].QuerySelector(".bar span")!.GetAttribute("style"), StringComparison.Ordinal);
        Assert.Contains(
            "No external commits",
            Render<OutcomeTable>(parameters => parameters.Add(component => component.Outcomes, [])).Markup,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Audit_entries_show_local_time_with_utc_behind_it_and_escape_what_people_wrote()
    {
        var entry = new AuditEntry
        {
            Id = 1,
            At = DateTimeOffset.UnixEpoch,
            Actor = "did:web:a",
            Action = "setFlag",
            Outcome = "accepted",
            Reason = "<b>why</b>",
            Details = new AuditDetails().Add("after", "<i>on</i>").ToString(),
            EpochBefore = 1,
            EpochAfter = 2,
            CorrelationId = "c",
        };
        var drawn = Render<AuditList>(parameters => parameters.Add(component => component.Entries, [entry]));
        Assert.Equal("1970-01-01 00:00:00.000 UTC", drawn.Find("time").GetAttribute("title"));
        Assert.StartsWith("<b>why</b>", drawn.Find("td.reason").TextContent.Trim(), StringComparison.Ordinal);
        Assert.Equal("""{"after":"<i>on</i>"}""", drawn.Find("td.reason .details").TextContent);
        Assert.Contains("1 → 2", drawn.Markup, StringComparison.Ordinal);
        Assert.Contains(
            "Nothing has been recorded",
            Render<AuditList>(parameters => parameters.Add(component => component.Entries, [])).Markup,
            StringComparison.Ordinal
        );
    }
}
