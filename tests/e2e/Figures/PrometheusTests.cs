using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MlsConsole.TestKit;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>What a real Prometheus makes of <c>/metrics</c>.</summary>
[Trait("Category", "Browser")] // It needs a program that is installed, as a browser does.
public sealed class PrometheusTests(ITestOutputHelper output)
{
    private const int Burst = 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private static string? Folder => Environment.GetEnvironmentVariable("MLSCONSOLE_PROMETHEUS");

    [SkippableFact]
    public async Task Promtool_has_nothing_to_say_of_a_host_that_has_served_nothing()
    {
        Require();
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        using var http = await host.ConsoleClientAsync();
        string metrics = await http.GetStringAsync("metrics");
        using var promtool = Start("promtool", ["check", "metrics"]);
        await promtool.StandardInput.WriteAsync(metrics);
        promtool.StandardInput.Close();
        string said = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        Assert.True(promtool.ExitCode == 0 && said.Length == 0, said);
    }

    [SkippableFact]
    public async Task The_first_burst_after_a_start_is_an_increase()
    {
        Require();
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        await using var prometheus = await Prometheus.Start(host);
        // The series are there with 0 before anything has happened.
        Assert.Equal(0, await prometheus.Until("sum(external_commit_requests_total)", static value => value == 0));
        Assert.Equal(0, await prometheus.Until("sum(external_commit_refused_total)", static value => value == 0));

        var ledger = new FigureLedger();
        await using var traffic = await Traffic.Start(host, ledger);
        await traffic.Send(Burst, "Everybody");
        double attempts = await prometheus.Until(
            "sum(increase(external_commit_requests_total[1m]))",
            value => value >= ledger.Attempts
        );
        double refused = await prometheus.Until(
            "sum(increase(external_commit_refused_total{reason=\"Unauthorized\"}[1m]))",
            value => value >= ledger.Refused
        );
        output.WriteLine(
            $"{attempts:0.0} attempts and {refused:0.0} refusals of {ledger.Attempts} and {ledger.Refused}"
        );
    }

    private static void Require()
    {
        if (Folder is null && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail("MLSCONSOLE_PROMETHEUS names no folder.");
        Skip.If(Folder is null, "MLSCONSOLE_PROMETHEUS names no folder with prometheus and promtool.");
    }

    private static Process Start(string program, IEnumerable<string> arguments) =>
        Process.Start(
            new ProcessStartInfo(Path.Combine(Folder!, program), arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            }
        )!;

    /// <summary>A Prometheus that scrapes a host every second.</summary>
    private sealed class Prometheus : IAsyncDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-prometheus-").FullName;
        private readonly Uri _url = new($"http://127.0.0.1:{FreePorts.Next()}");
        private readonly HttpClient _http = new();
        private Process _process = null!;
        private Task<string> _log = null!;

        public static async Task<Prometheus> Start(HostProcess host)
        {
            var (_, token) = await host.Run("api-token", "prometheus");
            var prometheus = new Prometheus();
            string settings = Path.Combine(prometheus._folder, "prometheus.yml");
            await File.WriteAllTextAsync(
                settings,
                $"""
                global:
                  scrape_interval: 1s
                scrape_configs:
                  - job_name: mlsconsole
                    authorization:
                      credentials: {token.Trim()}
                    static_configs:
                      - targets: ["{host.Url.Authority}"]
                """
            );
            prometheus._process = PrometheusTests.Start(
                "prometheus",
                [
                    $"--config.file={settings}",
                    $"--storage.tsdb.path={Path.Combine(prometheus._folder, "data")}",
                    $"--web.listen-address={prometheus._url.Authority}",
                ]
            );
            _ = prometheus._process.StandardOutput.ReadToEndAsync();
            prometheus._log = prometheus._process.StandardError.ReadToEndAsync();
            return prometheus;
        }

        /// <summary>Asks until the answer is as it should be.</summary>
        public async Task<double> Until(string query, Func<double, bool> isRight)
        {
            var waited = Stopwatch.StartNew();
            double? last = null;
            while (waited.Elapsed < s_limit)
            {
                last = await Ask(query);
                if (last is { } value && isRight(value))
                    return value;
                if (_process.HasExited)
                    Assert.Fail($"Prometheus has ended:\n{await _log}");
                await Task.Delay(200);
            }
            Assert.Fail($"{query} is {last}.");
            return 0;
        }

        private async Task<double?> Ask(string query)
        {
            try
            {
                string answer = await _http.GetStringAsync(
                    new Uri(_url, $"api/v1/query?query={Uri.EscapeDataString(query)}")
                );
                using var json = JsonDocument.Parse(answer);
                var result = json.RootElement.GetProperty("data").GetProperty("result");
                return result.GetArrayLength() == 0
                    ? null
                    : double.Parse(result[0].GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture);
            }
            catch (HttpRequestException)
            {
                return null; // not listening yet
            }
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
            _http.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
