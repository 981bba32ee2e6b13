using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Host.Tests;

/// <summary>Every route of the console, as a stranger and as each role.</summary>
public sealed class Routes_and_roles(TestHost host) : IClassFixture<TestHost>
{
    private const string NoSuchId = "0";

    /// <summary>Of each route for scripts the least role, and what an admin is answered for the given body.</summary>
    public static TheoryData<string, string, string?, ConsoleRole, int> Routes { get; } =
        new()
        {
            { "GET", "/metrics", null, ConsoleRole.Viewer, 200 },
            { "POST", "/hubs/live/negotiate?negotiateVersion=1", null, ConsoleRole.Viewer, 200 },
            { "GET", "/api/openapi.json", null, ConsoleRole.Viewer, 200 },
            { "GET", "/api/flag", null, ConsoleRole.Viewer, 200 },
            { "GET", "/api/figures", null, ConsoleRole.Viewer, 200 },
            { "GET", "/api/audit", null, ConsoleRole.Viewer, 200 },
            { "GET", "/api/sessions", null, ConsoleRole.Viewer, 200 },
            { "DELETE", "/api/sessions/" + NoSuchId, null, ConsoleRole.Viewer, 404 },
            { "PUT", "/api/flag", """{"state":"Off","reason":"x"}""", ConsoleRole.Operator, 200 },
            {
                "PUT",
                "/api/flag",
                """{"state":"Percentage","percentage":10,"reason":"x"}""",
                ConsoleRole.Approver,
                200
            },
            { "GET", "/api/people", null, ConsoleRole.Admin, 200 },
            { "POST", "/api/people", """{"userName":"?","role":"Viewer"}""", ConsoleRole.Admin, 400 },
            { "PUT", $"/api/people/{NoSuchId}/role", """{"role":"Viewer"}""", ConsoleRole.Admin, 404 },
            { "PUT", $"/api/people/{NoSuchId}/disabled", """{"disabled":true}""", ConsoleRole.Admin, 404 },
            { "POST", $"/api/people/{NoSuchId}/reset", null, ConsoleRole.Admin, 404 },
            { "DELETE", "/api/people/" + NoSuchId, null, ConsoleRole.Admin, 404 },
            { "GET", "/api/tokens", null, ConsoleRole.Admin, 200 },
            { "POST", "/api/tokens", """{"name":"?","role":"Viewer","days":1}""", ConsoleRole.Admin, 400 },
            { "DELETE", "/api/tokens/" + NoSuchId, null, ConsoleRole.Admin, 404 },
            { "PUT", "/api/bans/did:web:nobody.example", "{}", ConsoleRole.Admin, 200 },
            { "DELETE", "/api/bans/did:web:nobody.example", null, ConsoleRole.Admin, 200 },
            { "POST", "/api/signature-keys/rotate", null, ConsoleRole.Admin, 200 },
        };

    [Theory]
    [MemberData(nameof(Routes))]
    public async Task A_route_answers_each_role_as_it_should(
        string method,
        string path,
        string? body,
        ConsoleRole least,
        int answer
    )
    {
        using HttpClient stranger = new() { BaseAddress = host.Address };
        Assert.Equal(401, await StatusAsync(stranger, method, path, body));
        stranger.DefaultRequestHeaders.Authorization = new("Bearer", ApiTokens.Prefix + "forged");
        Assert.Equal(401, await StatusAsync(stranger, method, path, body));
        foreach (ConsoleRole role in Enum.GetValues<ConsoleRole>())
        {
            using HttpClient client = await host.ClientAsync(role);
            // Whoever may turn the flag up finds it turned down.
            if (body?.Contains("Percentage", StringComparison.Ordinal) == true)
                await StatusAsync(client, "PUT", "/api/flag", """{"state":"Off","reason":"x"}""");
            Assert.Equal(role < least ? 403 : answer, await StatusAsync(client, method, path, body));
        }
    }

    /// <summary>
    /// What strangers may call is listed by name: whatever is added is for signed-in people unless it is added here.
    /// </summary>
    [Fact]
    public void Strangers_reach_only_what_is_meant_for_them()
    {
        string[] open =
        [
            .. host
                .Services.GetRequiredService<EndpointDataSource>()
                .Endpoints.OfType<RouteEndpoint>()
                .Where(endpoint =>
                    endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null
                    || (
                        endpoint.Metadata.GetMetadata<IAuthorizeData>() is null
                        && endpoint.Metadata.GetMetadata<AuthorizationPolicy>() is null
                    )
                )
                .Select(endpoint => "/" + endpoint.RoutePattern.RawText?.TrimStart('/'))
                .Where(path => !path.StartsWith("/_content/", StringComparison.Ordinal))
                .Where(path => !path.StartsWith("/_framework/", StringComparison.Ordinal))
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(
            [
                "/.well-known/did.json",
                "/demo",
                "/first-admin",
                "/health/live",
                "/health/ready",
                "/link",
                "/not-allowed",
                "/passkeys/get",
                "/sign-in",
                "/sign-in/code",
                "/sign-in/provider",
                "/sign-out",
                "/{**path:file}",
            ],
            open
        );
    }

    [Fact]
    public async Task A_revoked_token_is_refused_at_once_and_its_connection_ends()
    {
        using HttpClient admin = await host.ClientAsync();
        using HttpClient client = await host.ClientAsync(ConsoleRole.Viewer);
        Assert.Equal(200, await StatusAsync(client, "GET", "/api/flag", null));
        foreach (
            ApiTokenView token in (
                await host.Services.GetRequiredService<ApiTokens>().ListAsync(Actor.CommandLine, default)
            ).Where(token => token.Role == ConsoleRole.Viewer)
        )
            Assert.Equal(204, await StatusAsync(admin, "DELETE", $"/api/tokens/{token.Id}", null));
        Assert.Equal(401, await StatusAsync(client, "GET", "/api/flag", null));
    }

    [Theory]
    [InlineData("https://evil.example", 403)]
    [InlineData("null", 403)]
    [InlineData(null, 200)]
    public async Task A_page_of_another_site_gets_no_connection(string? origin, int status)
    {
        using HttpClient client = await host.ClientAsync(ConsoleRole.Viewer);
        if (origin is not null)
            client.DefaultRequestHeaders.Add("Origin", origin);
        Assert.Equal(status, await StatusAsync(client, "POST", "/hubs/live/negotiate?negotiateVersion=1", null));
        if (status == 403)
            Assert.Equal(403, await StatusAsync(client, "POST", "/_blazor/negotiate?negotiateVersion=1", null));
    }

    [Fact]
    public async Task A_page_of_another_site_gets_no_websocket()
    {
        using HttpClient client = await host.ClientAsync(ConsoleRole.Viewer);
        foreach (string path in (string[])["/hubs/live", "/_blazor"])
        {
            using ClientWebSocket socket = new();
            socket.Options.SetRequestHeader("Authorization", $"{client.DefaultRequestHeaders.Authorization}");
            socket.Options.SetRequestHeader("Origin", "https://evil.example");
            socket.Options.CollectHttpResponseDetails = true;
            Uri address = new UriBuilder(host.Address) { Scheme = "ws", Path = path }.Uri;
            await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(address, default));
            Assert.Equal(HttpStatusCode.Forbidden, socket.HttpStatusCode);
        }
    }

    [Theory]
    [InlineData("/sign-out")]
    [InlineData("/sign-in/provider")]
    [InlineData("/passkeys/get")]
    [InlineData("/sign-in")]
    public async Task A_form_without_its_token_is_refused(string path)
    {
        using HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = host.Address,
        };
        using FormUrlEncodedContent form = new([new("_handler", "password"), new("UserName", "x")]);
        using HttpResponseMessage answer = await client.PostAsync(path, form);
        // Without a provider there is nothing to go to.
        Assert.Contains(
            answer.StatusCode,
            (HttpStatusCode[])[HttpStatusCode.BadRequest, HttpStatusCode.NotFound, HttpStatusCode.Redirect]
        );
        Assert.False(answer.Headers.Contains("Set-Cookie") && answer.Headers.GetValues("Set-Cookie").Any(IsSession));
    }

    [Fact]
    public async Task A_forged_cookie_signs_nobody_in()
    {
        foreach (string value in (string[])["forged", "CfDJ8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""])
        {
            using HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false })
            {
                BaseAddress = host.Address,
            };
            client.DefaultRequestHeaders.Add("Cookie", $"mls-console={value}");
            using HttpResponseMessage answer = await client.GetAsync("/me");
            Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Every_page_has_the_headers_that_protect_it()
    {
        using HttpClient client = new() { BaseAddress = host.Address };
        foreach (string path in (string[])["/first-admin", "/link", "/health/live", "/metrics"])
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            string policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            Assert.Equal("same-origin", Assert.Single(answer.Headers.GetValues("Referrer-Policy")));
        }
    }

    [Fact]
    public async Task Without_an_admin_every_page_leads_to_the_one_that_says_how_the_first_is_made()
    {
        using HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false })
        {
            BaseAddress = host.Address,
        };
        foreach (string path in (string[])["/", "/sign-in", "/people", "/tokens", "/me", "/sign-in/code"])
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            Assert.Equal("/first-admin", answer.Headers.Location?.ToString());
        }
    }

    private static bool IsSession(string cookie) =>
        cookie.StartsWith("mls-console=", StringComparison.Ordinal)
        && !cookie.StartsWith("mls-console=;", StringComparison.Ordinal);

    private static async Task<int> StatusAsync(HttpClient client, string method, string path, string? body)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await client.SendAsync(request);
        return (int)answer.StatusCode;
    }
}
