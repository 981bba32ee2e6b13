using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Forks;
using MlsConsole.Core.GroupInfos;

namespace MlsConsole.Host.Tests;

/// <summary>
/// Meters are the process's: a host hears those of every other one in it, so there is none beside this test.
/// </summary>
[CollectionDefinition(nameof(Metrics_of_groups), DisableParallelization = true)]
public sealed class AloneInTheProcess;

[Collection(nameof(Metrics_of_groups))]
public sealed class Metrics_of_groups
{
    [Fact]
    public async Task Rejoins_are_counted_by_way_and_outcome_and_suspected_forks_by_their_sign()
    {
        using TestHost host = new();
        using HttpClient client = await host.ClientAsync();
        ActivityFeed feed = host.Services.GetRequiredService<ActivityFeed>();
        RequestAnswered accepted = new()
        {
            At = DateTimeOffset.UtcNow,
            Method = "acknowledgeEpoch",
            Outcome = RequestOutcomes.Accepted,
            Elapsed = TimeSpan.Zero,
        };
        string before = await client.GetStringAsync("/metrics");
        // From the start, so that the first one is an increase.
        Assert.Equal(0, Value(before, "rejoin_outcomes_total", "outcome=\"failed\"", "way=\"legacy\""));
        Assert.Equal(0, Value(before, "suspected_forks_total", "sign=\"external_pub\""));

        feed.Publish(accepted);
        feed.Publish(accepted with { Reason = EpochAcknowledgements.SuspectedFork });
        feed.Publish(
            accepted with
            {
                Method = "updateGroupInfo",
                Outcome = "InvalidGroupInfo",
                Reason = GroupInfoPublisher.SuspectedFork,
            }
        );
        feed.Publish(
            accepted with
            {
                Method = "reportRejoinOutcome",
                Rejoin = new(RejoinWay.Legacy, false, 4, TimeSpan.FromSeconds(20), null),
            }
        );
        feed.Publish(
            accepted with
            {
                Method = "reportRejoinOutcome",
                Outcome = "Unauthorized",
                Rejoin = new(RejoinWay.Legacy, false, 4, TimeSpan.FromSeconds(20), null),
            }
        );

        // A scrape is answered from the one before it for a moment.
        string after;
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (
            Value(
                after = await client.GetStringAsync("/metrics", limit.Token),
                "rejoin_outcomes_total",
                "outcome=\"failed\"",
                "way=\"legacy\""
            ) == 0
        )
            await Task.Delay(50, limit.Token);
        Assert.Equal(2, Value(after, "epoch_acknowledgements_total"));
        Assert.Equal(1, Value(after, "suspected_forks_total", "sign=\"authenticator\""));
        Assert.Equal(1, Value(after, "suspected_forks_total", "sign=\"external_pub\""));
        Assert.Equal(1, Value(after, "rejoin_outcomes_total", "outcome=\"failed\"", "way=\"legacy\""));
        Assert.Equal(0, Value(after, "rejoin_outcomes_total", "outcome=\"succeeded\"", "way=\"legacy\""));
        Assert.Equal(0, Value(after, "rejoin_duration_seconds_bucket", "way=\"legacy\"", "le=\"10\""));
        Assert.Equal(1, Value(after, "rejoin_duration_seconds_bucket", "way=\"legacy\"", "le=\"30\""));
        Assert.Equal(4, Value(after, "rejoin_attempts_sum", "way=\"legacy\""));
    }

    /// <summary>The sum of the series of a metric that have all the labels, of which there is at least one.</summary>
    internal static double Value(string metrics, string name, params string[] labels)
    {
        var lines = metrics
            .Split('\n')
            .Where(line =>
                (
                    line.StartsWith(name + "{", StringComparison.Ordinal)
                    || line.StartsWith(name + " ", StringComparison.Ordinal)
                ) && labels.All(label => line.Contains(label, StringComparison.Ordinal))
            )
            .ToList();
        Assert.NotEmpty(lines);
        return lines.Sum(line =>
            double.Parse(
                line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0],
                System.Globalization.CultureInfo.InvariantCulture
            )
        );
    }
}
