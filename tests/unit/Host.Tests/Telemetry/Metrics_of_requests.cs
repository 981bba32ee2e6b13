using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Activity;
using MlsConsole.Host.Duties;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

[Collection(nameof(Metrics_of_groups))]
public sealed partial class Metrics_of_requests
{
    [Fact]
    public async Task A_request_is_counted_with_its_outcome_and_reason_and_without_who_or_where()
    {
        using TestHost host = new();
        using HttpClient client = await host.ClientAsync();
        using TestSigner caller = new(EcdsaCurve.P256);
        List<ActivityRecord> seen = [];
        using IDisposable subscription = host.Services.GetRequiredService<ActivityFeed>().Subscribe(seen.Add);
        string before = await client.GetStringAsync("/metrics");
        // Every duty has a series from the start, whether it has succeeded or not.
        foreach (Duty duty in host.Services.GetServices<Duty>())
            Assert.InRange(
                Metrics_of_groups.Value(before, "duty_last_success_seconds", $"duty=\"{duty.Name}\""),
                DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeSeconds(),
                DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds()
            );
        Assert.Equal(
            0,
            Metrics_of_groups.Value(
                before,
                "xrpc_requests_total",
                "method=\"getGroupInfo\"",
                "outcome=\"accepted\"",
                "reason=\"none\""
            )
        );

        string token = caller.Token(
            caller.Claims("did:web:localhost", "blue.catbird.mls.getGroupInfo", DateTimeOffset.UtcNow)
        );
        Assert.Equal(
            403,
            (
                await RawHttp.Send(
                    host.Address,
                    "GET /xrpc/blue.catbird.mls.getGroupInfo?convoId=a-conversation-of-its-own HTTP/1.1\n"
                        + $"Authorization: Bearer {token}"
                )
            ).Status
        );
        Assert.Equal(
            401,
            (
                await RawHttp.Send(
                    host.Address,
                    "GET /xrpc/blue.catbird.mls.getGroupInfo?convoId=a-conversation-of-its-own HTTP/1.1\n"
                        + $"Authorization: Bearer {token}"
                )
            ).Status
        );
        Assert.Equal(
            501,
            (await RawHttp.Send(host.Address, "GET /xrpc/com.example.of.somebodys.choice HTTP/1.1")).Status
        );

        // The flag is on for everybody when a database is new in Development.
        Assert.Equal(
            [(caller.Did, Cohort.Everybody), (null, Cohort.NotEvaluated), (null, Cohort.NotEvaluated)],
            seen.OfType<RequestAnswered>().Select(static request => (request.Account?.Value, request.Cohort))
        );

        // A scrape is answered from the one before it for a moment.
        string after;
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        while (
            !(after = await client.GetStringAsync("/metrics", limit.Token)).Contains(
                "MethodNotImplemented",
                StringComparison.Ordinal
            )
        )
            await Task.Delay(50, limit.Token);
        Assert.Equal(
            1,
            Metrics_of_groups.Value(
                after,
                "xrpc_requests_total",
                "method=\"getGroupInfo\"",
                "outcome=\"Unauthorized\"",
                "reason=\"NotMember\""
            )
        );
        Assert.Equal(
            1,
            Metrics_of_groups.Value(
                after,
                "xrpc_requests_total",
                "method=\"getGroupInfo\"",
                "outcome=\"AuthenticationRequired\"",
                "reason=\"token-replayed\""
            )
        );
        Assert.Equal(
            1,
            Metrics_of_groups.Value(
                after,
                "xrpc_requests_total",
                "method=\"unknown\"",
                "outcome=\"MethodNotImplemented\"",
                "reason=\"none\""
            )
        );
        foreach (string own in (string[])[caller.Did, "did:", "a-conversation", "somebodys"])
            Assert.DoesNotContain(own, after, StringComparison.Ordinal);
        Assert.Subset(
            new HashSet<string>([
                "cohort",
                "method",
                "outcome",
                "reason",
                "way",
                "duty",
                "sign",
                "le",
                "otel_scope_name",
                "otel_scope_version",
            ]),
            after
                .Split('\n')
                .Where(line => !line.StartsWith("target_info", StringComparison.Ordinal))
                .SelectMany(line => LabelName().Matches(line))
                .Select(match => match.Groups[1].Value)
                .ToHashSet()
        );
    }

    [GeneratedRegex("""[{,]([a-z_]+)=""")]
    private static partial Regex LabelName();
}
