using System.Net;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Tests;

/// <summary>The host as Program.cs composes it.</summary>
public sealed class Whole_host(TestHost host) : IClassFixture<TestHost>
{
    [Fact]
    public async Task It_is_live_and_ready()
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        Assert.Equal("live", await client.GetStringAsync("/health/live"));
        string ready = await client.GetStringAsync("/health/ready");
        Assert.Equal(
            [
                "ready",
                "live_broadcast",
                "flag_watch",
                "session_watch",
                "figures",
                "episodes",
                "figure_roll_up",
                "audit_linking",
                "audit_tally",
                "removal_proposals",
                "pruning",
                "event_relay",
            ],
            ready.Split('\n').Select(static line => line.Split(':')[0])
        );
    }

    [Fact]
    public async Task It_serves_its_own_did_document()
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        using JsonDocument json = JsonDocument.Parse(await client.GetStringAsync("/.well-known/did.json"));
        Assert.Equal("did:web:localhost", json.RootElement.GetProperty("id").GetString());
        JsonElement service = Assert.Single(json.RootElement.GetProperty("service").EnumerateArray());
        Assert.Equal("#atproto_mls", service.GetProperty("id").GetString());
        Assert.Equal($"http://{host.Address.Authority}", service.GetProperty("serviceEndpoint").GetString());
    }

    [Theory]
    [InlineData("evil.example", "/.well-known/did.json", HttpStatusCode.BadRequest)]
    [InlineData("127.0.0.1.evil.example", "/", HttpStatusCode.BadRequest)]
    [InlineData("evil.example", "/health/livex", HttpStatusCode.BadRequest)]
    [InlineData("evil.example", "/health/live", HttpStatusCode.OK)]
    [InlineData("evil.example", "/health/ready", HttpStatusCode.OK)]
    public async Task A_name_that_was_rebound_to_us_is_refused_but_by_health_checks(
        string name,
        string path,
        HttpStatusCode status
    )
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        request.Headers.Host = name;
        using HttpResponseMessage answer = await client.SendAsync(request);
        Assert.Equal(status, answer.StatusCode);
    }

    [Fact]
    public async Task In_development_external_commits_are_on_at_first()
    {
        ExternalCommitsFlag flag = host.Services.GetRequiredService<ExternalCommitsFlag>();
        Assert.True((await flag.EvaluateAsync(Did.Parse("did:web:alice.example.com"))).IsIn());
    }

    [Fact]
    public async Task A_schema_that_is_not_ours_is_not_ready()
    {
        using TestHost other = new();
        using HttpClient client = new() { BaseAddress = other.Address };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/ready")).StatusCode);
        await using (MlsDbContext context = other.Services.GetRequiredService<Database>().Read())
            await context.Database.ExecuteSqlRawAsync("DELETE FROM __EFMigrationsHistory");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live")).StatusCode);
    }
}
