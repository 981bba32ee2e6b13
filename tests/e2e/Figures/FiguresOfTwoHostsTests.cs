using System.Diagnostics;
using System.Globalization;
using Microsoft.Playwright;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>
/// The pages of all hosts show the same figures, those that the clients counted, through stops, kills and restarts.
/// </summary>
[Trait("Category", "Browser")]
public sealed class FiguresOfTwoHostsTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Everybody = "Everybody",
        InsidePercentage = "InsidePercentage";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (Chromium.Path is null)
            return; // Each test is skipped with its reason.
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new() { ExecutablePath = Chromium.Path, Args = Chromium.Arguments }
        );
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    [SkippableFact]
    public async Task Two_hosts_on_one_database_agree_with_the_clients_through_a_stop_and_a_kill()
    {
        Chromium.Require();
        await using var a = await HostProcess.Start(Named("a"), await DatabaseServers.Of(StorageProvider.PostgreSql));
        await using var b = await a.StartAnother(Named("b"));
        var ledger = new FigureLedger();
        await using var onA = await Traffic.Start(a, ledger);
        await using var onB = await Traffic.Start(b, ledger);

        await Task.WhenAll(onA.Send(20, Everybody), onB.Send(30, Everybody));
        await b.Stop();
        await b.Restart();
        IPage pageOfA = await Open(a),
            pageOfB = await Open(b);
        await ShowsAsync(pageOfA, ledger);
        await ShowsAsync(pageOfB, ledger);

        // From now on the same accounts are in another cohort.
        await SetPercentageAsync(pageOfA, 100);
        await Assertions.Expect(pageOfB.GetByTestId("flag-state")).ToContainTextAsync("100 %");
        await Task.WhenAll(onA.Send(15, InsidePercentage), onB.Send(25, InsidePercentage));
        await ShowsAsync(pageOfA, ledger);
        await ShowsAsync(pageOfB, ledger);

        // What b answers in its last five seconds may be lost, and nothing else; the pages say so.
        int before = ledger.Attempts;
        await onB.Send(5, InsidePercentage);
        await b.Kill();
        var killed = Stopwatch.GetTimestamp();
        await onA.Send(5, InsidePercentage);
        await b.Restart();
        output.WriteLine($"b was there again after {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s");
        pageOfB = await Open(b);
        await Assertions.Expect(pageOfA.GetByTestId("hosts")).ToContainTextAsync("b was killed at", s_patience);
        await Assertions.Expect(pageOfB.GetByTestId("hosts")).ToContainTextAsync("b was killed at", s_patience);
        int lost = await LostAsync(pageOfB, ledger);
        output.WriteLine($"{lost} of the 5 last attempts of b are lost");
        Assert.InRange(lost, 0, 5);
        Assert.Equal(before + 10, ledger.Attempts);
        ledger.Lose(lost, InsidePercentage);
        await ShowsAsync(pageOfA, ledger);
        await ShowsAsync(pageOfB, ledger);
    }

    [SkippableFact]
    public async Task One_host_on_SQLite_shows_what_the_clients_counted_after_a_restart()
    {
        Chromium.Require();
        await using var host = await HostProcess.Start(Named("a"));
        var ledger = new FigureLedger();
        await using var traffic = await Traffic.Start(host, ledger);
        await traffic.Send(30, Everybody);
        await host.Stop();
        await host.Restart();
        await ShowsAsync(await Open(host), ledger);

        await traffic.Send(5, Everybody);
        await host.Restart(); // after a kill
        var page = await Open(host);
        await Assertions.Expect(page.GetByTestId("hosts")).ToContainTextAsync("a was killed at", s_patience);
        int lost = await LostAsync(page, ledger);
        Assert.InRange(lost, 0, 5);
        ledger.Lose(lost, Everybody);
        await ShowsAsync(page, ledger);
    }

    private static readonly LocatorAssertionsToContainTextOptions s_patience = new() { Timeout = 30_000 };

    private static Dictionary<string, string> Named(string name) => new(HostFixture.NoLimits) { ["Host__Name"] = name };

    private async Task<IPage> Open(HostProcess host)
    {
        var page = await Chromium.NewPageAsync(_browser!, host);
        await page.GotoAsync(new Uri(host.Url, "?range=1h").ToString());
        await page.GetByTestId("headline").WaitForAsync();
        return page;
    }

    private static async Task SetPercentageAsync(IPage page, int percentage)
    {
        await page.GetByRole(AriaRole.Radio, new() { Name = "A percentage" }).CheckAsync();
        await page.GetByTestId("flag-percentage").FillAsync(percentage.ToString(CultureInfo.InvariantCulture));
        await page.GetByTestId("flag-reason").FillAsync("a stage");
        await page.GetByTestId("flag-apply").ClickAsync();
        await page.GetByTestId("flag-confirm").ClickAsync();
        await Assertions.Expect(page.GetByTestId("flag-now")).ToContainTextAsync($"{percentage} %");
    }

    /// <summary>Waits until a page shows exactly what the clients counted, for each cohort.</summary>
    private static async Task ShowsAsync(IPage page, FigureLedger ledger)
    {
        foreach (var (cohort, attempts, accepted, mismatches) in ledger.Cohorts)
            await Assertions
                .Expect(page.GetByTestId($"cohort-{cohort}").Locator("td.number"))
                .ToContainTextAsync(
                    [$"{attempts}", $"{accepted}", $"{mismatches}"],
                    new LocatorAssertionsToContainTextOptions { Timeout = 30_000 }
                );
        string requests = await page.GetByTestId("tile-requests").Locator(".target").InnerTextAsync();
        Assert.Contains($"{ledger.Refused} refused by policy", requests, StringComparison.Ordinal);
    }

    /// <summary>How many attempts a page lacks once it has read everything that is stored.</summary>
    private static async Task<int> LostAsync(IPage page, FigureLedger ledger)
    {
        await Assertions.Expect(page.GetByTestId("hosts")).Not.ToContainTextAsync("not all read");
        // What is stored was written before the page's host started, except for what the other host has counted since.
        for (int shown = -1; ; await Task.Delay(TimeSpan.FromSeconds(6)))
        {
            int now = 0;
            foreach (var row in await page.GetByTestId("cohorts").Locator("tbody tr").AllAsync())
                now += int.Parse(
                    await row.Locator("td.number").First.InnerTextAsync(),
                    NumberStyles.AllowThousands,
                    CultureInfo.InvariantCulture
                );
            if (now == shown)
                return ledger.Attempts - now;
            shown = now;
        }
    }
}

/// <summary>What clients know of their external commits, by the cohort that their accounts were in.</summary>
internal sealed class FigureLedger
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, (int Attempts, int Accepted, int Mismatches)> _cohorts = [];

    public int Refused { get; private set; }

    public int Attempts => Cohorts.Sum(one => one.Attempts);

    public IReadOnlyList<(string Cohort, int Attempts, int Accepted, int Mismatches)> Cohorts
    {
        get
        {
            lock (_lock)
                return
                [
                    .. _cohorts.Select(one => (one.Key, one.Value.Attempts, one.Value.Accepted, one.Value.Mismatches)),
                ];
        }
    }

    public void Count(XrpcAnswer answer, string cohort)
    {
        lock (_lock)
        {
            var before = _cohorts.GetValueOrDefault(cohort);
            if (answer.Error == "Unauthorized")
                Refused++;
            else
                _cohorts[cohort] = (
                    before.Attempts + 1,
                    before.Accepted + (answer.IsSuccess ? 1 : 0),
                    before.Mismatches + (answer.Error == "EpochMismatch" ? 1 : 0)
                );
        }
    }

    /// <summary>Takes back attempts of the last burst before a kill, each of which was accepted.</summary>
    public void Lose(int attempts, string cohort)
    {
        lock (_lock)
            if (_cohorts.TryGetValue(cohort, out var before))
                _cohorts[cohort] = (before.Attempts - attempts, before.Accepted - attempts, before.Mismatches);
    }
}

/// <summary>A device that rejoins its conversation on a host, and a stranger who tries to.</summary>
internal sealed class Traffic : IAsyncDisposable
{
    private readonly FigureLedger _ledger;
    private readonly TestDevice _device,
        _partner,
        _stranger;
    private readonly string _convoId;
    private TestKit.TestGroup _group;
    private int _sent;

    private Traffic(
        FigureLedger ledger,
        TestDevice device,
        TestDevice partner,
        TestDevice stranger,
        string convoId,
        TestKit.TestGroup group
    ) =>
        (_ledger, _device, _partner, _stranger, _convoId, _group) = (ledger, device, partner, stranger, convoId, group);

    public static async Task<Traffic> Start(HostProcess host, FigureLedger ledger)
    {
        var device = await TestDevice.Register(host.Url, "phone");
        var partner = await TestDevice.Register(host.Url, "tablet");
        var stranger = await TestDevice.Register(host.Url, "stranger");
        var (convoId, group) = await device.CreateConvo();
        return new(ledger, device, partner, stranger, convoId, await device.Add(convoId, group, partner));
    }

    /// <summary>
    /// Rejoins again and again; in a burst of more than ten, every tenth commit is followed by a stale one, and by a
    /// stranger's.
    /// </summary>
    public async Task Send(int attempts, string cohort)
    {
        bool mixed = attempts > 10;
        while (attempts-- > 0)
        {
            var before = _group;
            var prepared = _device.Rejoin(_convoId, _group);
            var answer = await _device.Send(prepared);
            Assert.True(answer.IsSuccess, answer.Body.ToString());
            _ledger.Count(answer, cohort);
            _group = prepared.After;
            if (!mixed || ++_sent % 10 != 0 || attempts == 0)
                continue;
            attempts--;
            _ledger.Count(await _device.Send(_device.Rejoin(_convoId, before)), cohort);
            _ledger.Count(await _stranger.Send(_device.Rejoin(_convoId, _group)), cohort);
        }
    }

    public ValueTask DisposeAsync()
    {
        _device.Dispose();
        _partner.Dispose();
        _stranger.Dispose();
        return ValueTask.CompletedTask;
    }
}
