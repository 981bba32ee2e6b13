using System.Text.Json;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Live;
using MlsConsole.Host.Telemetry;

namespace MlsConsole.Host.Tests;

/// <summary>The wire form of activity records, which the live hub sends and the log lines repeat.</summary>
public sealed class Telling_outside_consumers
{
    private static readonly DateTimeOffset s_at = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<ActivityRecord, string, string> Records =>
        new()
        {
            {
                new RequestAnswered
                {
                    At = s_at,
                    Method = "getGroupInfo",
                    Outcome = "EpochMismatch",
                    Reason = "stale",
                    Elapsed = TimeSpan.FromMilliseconds(1.5),
                    Cohort = Cohort.InsidePercentage,
                    Account = Did.Parse("did:web:alice.example.com"),
                    ConvoId = "convo",
                    Epoch = 7,
                    CorrelationId = "c-1",
                },
                """{"Method":"getGroupInfo","Outcome":"EpochMismatch","Reason":"stale","Milliseconds":1.5,"""
                    + "\"ConvoId\":\"convo\",\"Epoch\":7}",
                "getGroupInfo EpochMismatch (stale) in 1.5 ms, correlation id c-1"
            },
            {
                new AuditEntryAppended
                {
                    At = s_at,
                    Action = "banMember",
                    Outcome = "accepted",
                    Epoch = 8,
                    CorrelationId = "c-2",
                },
                """{"Method":"audit","Outcome":"accepted","Reason":"banMember","Milliseconds":0,"""
                    + "\"ConvoId\":null,\"Epoch\":8}",
                "audit accepted (banMember) in 0.0 ms, correlation id c-2"
            },
            {
                new EventRelayed
                {
                    At = s_at,
                    Kind = "Commit",
                    ConvoId = "convo",
                    Epoch = 9,
                },
                """{"Method":"event","Outcome":"accepted","Reason":"Commit","Milliseconds":0,"""
                    + "\"ConvoId\":\"convo\",\"Epoch\":9}",
                "event accepted (Commit) in 0.0 ms, correlation id (null)"
            },
            {
                new JoinTurnGiven
                {
                    At = s_at,
                    Waited = TimeSpan.FromSeconds(2),
                    ConvoId = "convo",
                    Epoch = 9,
                },
                """{"Method":"joinTurn","Outcome":"given","Reason":null,"Milliseconds":2000,"""
                    + "\"ConvoId\":\"convo\",\"Epoch\":9}",
                "joinTurn given ((null)) in 2000.0 ms, correlation id (null)"
            },
            {
                new JoinTurnExpired
                {
                    At = s_at,
                    ConvoId = "convo",
                    Epoch = 9,
                },
                """{"Method":"joinTurn","Outcome":"expired","Reason":null,"Milliseconds":0,"""
                    + "\"ConvoId\":\"convo\",\"Epoch\":9}",
                "joinTurn expired ((null)) in 0.0 ms, correlation id (null)"
            },
        };

    [Theory]
    [MemberData(nameof(Records))]
    public void A_record_is_told_as_ever_and_without_the_account_and_its_cohort(
        ActivityRecord activity,
        string wire,
        string line
    )
    {
        string json = JsonSerializer.Serialize(LiveActivity.Of(activity));
        Assert.Equal("""{"At":"2026-03-01T12:00:00+00:00",""" + wire[1..], json);

        ActivityFeed feed = new();
        ListLogger<OutcomeLog> log = new();
        using OutcomeLog outcomes = new(feed, log);
        feed.Publish(activity);
        Assert.Equal(line, Assert.Single(log.Lines).Text);
    }
}
