using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Host.Tests;

/// <summary>Every page as each role, with real cookies: those of people who have accepted an invitation.</summary>
public sealed partial class Pages_and_roles : IAsyncLifetime
{
    private const string Password = "a quiet harbour at dawn";

    private readonly TestHost _host = new(null, ("Console:SignInsPerMinute", "1000"));
    private readonly Dictionary<ConsoleRole, HttpClient> _people = [];

    private Dictionary<HttpClient, CookieContainer> Cookies { get; } = [];

    private PeopleAdministration People => _host.Services.GetRequiredService<PeopleAdministration>();

    public async Task InitializeAsync()
    {
        foreach (ConsoleRole role in Enum.GetValues<ConsoleRole>())
            _people[role] = await SignInAsync($"one-{role}", role);
    }

    public async Task DisposeAsync()
    {
        foreach (HttpClient person in _people.Values)
            person.Dispose();
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task A_page_is_shown_to_those_whose_role_sees_it()
    {
        foreach (
            var (path, least) in ((string, ConsoleRole)[])
                [
                    ("/", ConsoleRole.Viewer),
                    ("/me", ConsoleRole.Viewer),
                    ("/people", ConsoleRole.Admin),
                    ("/tokens", ConsoleRole.Admin),
                    ("/metrics", ConsoleRole.Viewer),
                ]
        )
        {
            foreach (var (role, person) in _people)
            {
                using HttpResponseMessage answer = await person.GetAsync(path);
                Assert.Equal(
                    (path, role, role >= least ? HttpStatusCode.OK : HttpStatusCode.Redirect),
                    (path, role, answer.StatusCode)
                );
                if (role < least)
                    Assert.StartsWith("/not-allowed", answer.Headers.Location!.ToString(), StringComparison.Ordinal);
            }
            // Scripts have /api, so no page of another site uses somebody's cookie there.
            foreach (HttpClient person in _people.Values)
            {
                using HttpResponseMessage answer = await person.GetAsync("/api/flag");
                Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            }
        }
    }

    [Fact]
    public async Task A_form_that_a_lower_role_sends_does_nothing()
    {
        foreach (ConsoleRole role in (ConsoleRole[])[ConsoleRole.Viewer, ConsoleRole.Operator, ConsoleRole.Approver])
        foreach (
            var (path, handler) in ((string, string)[])[("/people", "invite"), ("/tokens", "make"), ("/people", "x")]
        )
        {
            // The token against forgery is the person's own, from a page that the person sees.
            string token = await FormTokenAsync(_people[role], "/me");
            using FormUrlEncodedContent form = new([
                new("_handler", handler),
                new("__RequestVerificationToken", token),
                new("Invited", "mallory"),
                new("InvitedRole", "Admin"),
                new("Name", "mallory"),
                new("Role", "Admin"),
                new("Days", "1"),
            ]);
            using HttpResponseMessage answer = await _people[role].PostAsync(path, form);
            Assert.StartsWith("/not-allowed", answer.Headers.Location!.ToString(), StringComparison.Ordinal);
        }
        Assert.Equal(4, (await People.ListAsync(Actor.CommandLine, default)).Count);
        Assert.Empty(
            await _host.Services.GetRequiredService<ApiTokens>().ListAsync(Actor.CommandLine, CancellationToken.None)
        );
    }

    [Fact]
    public async Task The_cookie_of_a_role_that_somebody_had_is_worth_nothing()
    {
        PersonView approver = Assert.Single(
            await People.ListAsync(Actor.CommandLine, default),
            person => person.UserName == "one-Approver"
        );
        await People.SetRoleAsync(Actor.CommandLine, approver.Id, ConsoleRole.Viewer, default);
        // A host asks the database for a session at most once a second.
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        HttpStatusCode status;
        do
        {
            await Task.Delay(50, limit.Token);
            using HttpResponseMessage answer = await _people[ConsoleRole.Approver].GetAsync("/me", limit.Token);
            status = answer.StatusCode;
        } while (status == HttpStatusCode.OK);
        Assert.Equal(HttpStatusCode.Redirect, status);
    }

    [Fact]
    public async Task The_cookie_of_another_environment_signs_nobody_in()
    {
        // The same person, the same role, another database and another key ring.
        await using TestHost other = new(null, ("Console:SignInsPerMinute", "1000"));
        using HttpClient there = await SignInAsync(other, "one-Admin", ConsoleRole.Admin);
        using (HttpResponseMessage answer = await there.GetAsync("/people"))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using HttpRequestMessage request = new(HttpMethod.Get, "/people");
        using HttpClient here = new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false })
        {
            BaseAddress = _host.Address,
        };
        request.Headers.Add("Cookie", Cookies[there].GetCookieHeader(other.Address));
        using HttpResponseMessage refused = await here.SendAsync(request);
        Assert.StartsWith("/sign-in", refused.Headers.Location!.ToString(), StringComparison.Ordinal);
    }

    private Task<HttpClient> SignInAsync(string name, ConsoleRole role) => SignInAsync(_host, name, role);

    /// <summary>A client with the cookie of a person of this role.</summary>
    private async Task<HttpClient> SignInAsync(TestHost host, string name, ConsoleRole role)
    {
        string link = await host
            .Services.GetRequiredService<PeopleAdministration>()
            .InviteAsync(Actor.CommandLine, name, role, CancellationToken.None);
        CookieContainer cookies = new();
        HttpClient client = new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = cookies })
        {
            BaseAddress = host.Address,
        };
        Cookies[client] = cookies;
        string path = $"/link?token={link}",
            token = await FormTokenAsync(client, path);
        using FormUrlEncodedContent form = new([
            new("_handler", "link"),
            new("__RequestVerificationToken", token),
            new("Secret", link),
            new("Password", Password),
        ]);
        using HttpResponseMessage answer = await client.PostAsync(path, form);
        Assert.Equal((HttpStatusCode.Redirect, "/"), (answer.StatusCode, answer.Headers.Location!.PathAndQuery));
        return client;
    }

    private static async Task<string> FormTokenAsync(HttpClient client, string path) =>
        Token().Match(await client.GetStringAsync(path)).Groups[1].Value;

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"([^\"]+)\"")]
    private static partial Regex Token();
}
