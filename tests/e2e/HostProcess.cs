using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>
/// The host as a process of its own, on a free loopback port with a database of its own: a SQLite file, unless the
/// fixture is given a server. The database outlives a <see cref="Kill"/>, so that a second <see cref="Launch"/> meets
/// what the killed host left; a file is deleted with the fixture.
/// </summary>
public sealed class HostProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90);
    private readonly Dictionary<string, string> _settings;
    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-e2e-").FullName;
    private readonly StringBuilder _output = new();
    private Process? _process;
    private Cookie? _cookie;

    /// <summary>How much had been written when the process was launched last.</summary>
    private int _launchedAt;

    private HostProcess(Func<Uri, IReadOnlyDictionary<string, string>> settings, Uri? url = null)
    {
        Url = url ?? new Uri($"http://127.0.0.1:{FreePorts.Next()}");
        _settings = new()
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["ASPNETCORE_URLS"] = Url.ToString().TrimEnd('/'),
            ["Storage__Provider"] = "Sqlite",
            ["ConnectionStrings__Default"] = $"Data Source={Path.Combine(_folder, "host.db")}",
            ["DataProtection__KeyRing"] = Path.Combine(_folder, "keys"),
            ["DOTNET_gcServer"] = "0",
            ["Demo__SignIn"] = "true",
            // Races and histories are faster than any account of a person.
            ["RateLimits__Enabled"] = "false",
        };
        foreach (var (name, value) in settings(Url))
            _settings[name] = value;
        // There is no demonstration outside of Development.
        if (_settings["ASPNETCORE_ENVIRONMENT"] != "Development")
            _settings["Demo__SignIn"] = "false";
    }

    public Uri Url { get; }

    /// <summary>The console's address by the name for which a passkey works.</summary>
    public Uri ConsoleUrl => new UriBuilder(Url) { Host = "localhost" }.Uri;

    /// <summary>All that the host wrote to its console so far.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    /// <summary>Starts a host and waits until it is ready.</summary>
    /// <param name="settings">Environment variables beside the usual ones, such as <c>Rollout__Initial</c>.</param>
    /// <param name="server">Where it gets a database; null for a SQLite file.</param>
    /// <param name="url">The address; null for a free port.</param>
    public static async Task<HostProcess> Start(
        IReadOnlyDictionary<string, string>? settings = null,
        PostgreSqlServer? server = null,
        Uri? url = null
    )
    {
        var all = new Dictionary<string, string>(settings ?? new Dictionary<string, string>());
        if (server is not null)
            (all["Storage__Provider"], all["ConnectionStrings__Default"]) = (
                "PostgreSql",
                await server.CreateDatabaseAsync($"host{Guid.NewGuid():N}")
            );
        return await Start(_ => all, url);
    }

    /// <summary>Starts a host and waits until it is ready.</summary>
    /// <param name="settings">
    /// Environment variables beside the usual ones, from the address at which <c>/health/ready</c> has to answer.
    /// </param>
    /// <param name="url">The address; null for a free port.</param>
    /// <param name="cookie">Of a session that is good for this host too; null for none.</param>
    public static async Task<HostProcess> Start(
        Func<Uri, IReadOnlyDictionary<string, string>> settings,
        Uri? url = null,
        Cookie? cookie = null
    )
    {
        var host = new HostProcess(settings, url) { _cookie = cookie };
        await host.Restart();
        return host;
    }

    /// <summary>Starts a second host over the same database.</summary>
    /// <param name="settings">What is other than for this host.</param>
    public async Task<HostProcess> StartAnother(IReadOnlyDictionary<string, string>? settings = null)
    {
        var all = _settings.Where(setting => setting.Key != "ASPNETCORE_URLS").ToDictionary();
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
            all[name] = value;
        // The start of a second host ends the link that the first has printed; the session is good for both.
        bool isDemo = _settings["Demo__SignIn"] == "true";
        Cookie? cookie = isDemo && _process is not null ? await SignInAsync() : _cookie;
        return await Start(_ => all, url: null, cookie);
    }

    /// <summary>The link that the host has printed when it started last.</summary>
    public async Task<Uri> PrintedLinkAsync()
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < s_startLimit)
        {
            string? line = Output[_launchedAt..]
                .Split('\n')
                .LastOrDefault(line =>
                    line.StartsWith("demo link: ", StringComparison.Ordinal)
                    || line.StartsWith("first admin: ", StringComparison.Ordinal)
                );
            if (line?.Split(' ').FirstOrDefault(word => word.StartsWith("http", StringComparison.Ordinal)) is { } link)
                return new(link.Trim());
            await Task.Delay(50);
        }
        throw new TimeoutException($"The host printed no link:\n{Output}");
    }

    /// <summary>The cookie of a session as the admin of the demonstration; it stays good over restarts.</summary>
    public async Task<Cookie> SignInAsync()
    {
        if (_cookie is not null)
            return _cookie;
        CookieContainer cookies = new();
        using HttpClientHandler handler = new() { CookieContainer = cookies, AllowAutoRedirect = false };
        using HttpClient http = new(handler);
        Uri link = await PrintedLinkAsync();
        using HttpResponseMessage answer = await http.GetAsync(link);
        return _cookie =
            cookies.GetCookies(link).SingleOrDefault(cookie => cookie.Name == "mls-console")
            ?? throw new InvalidOperationException($"{link} answers {answer.StatusCode} and signs nobody in.");
    }

    /// <summary>A client that is signed in to the console.</summary>
    public async Task<HttpClient> ConsoleClientAsync()
    {
        Cookie cookie = await SignInAsync();
        HttpClient http = new() { BaseAddress = Url };
        http.DefaultRequestHeaders.Add("Cookie", $"{cookie.Name}={cookie.Value}");
        return http;
    }

    /// <summary>Starts the process again after a <see cref="Kill"/>, without waiting for it.</summary>
    public void Launch()
    {
        if (!File.Exists(Repository.HostAssembly))
            throw new InvalidOperationException($"The host is not built: {Repository.HostAssembly}");
        var start = new ProcessStartInfo("dotnet", [Repository.HostAssembly])
        {
            WorkingDirectory = Repository.HostFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _settings)
            start.Environment[name] = value;
        _launchedAt = Output.Length;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Kills the process if it runs, starts it again and waits until it is ready.</summary>
    public async Task Restart()
    {
        if (_process is not null)
            await Kill();
        Launch();
        await WaitUntilReady();
    }

    /// <summary>Takes the database away from under a host that does not run.</summary>
    public void DeleteDatabase()
    {
        foreach (var file in Directory.GetFiles(_folder, "host.db*"))
            File.Delete(file);
    }

    /// <summary>Waits for /health/ready to answer 200.</summary>
    public async Task WaitUntilReady()
    {
        using var http = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(5) };
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < s_startLimit)
        {
            if (_process!.HasExited)
                throw new InvalidOperationException(
                    $"The host ended with {_process.ExitCode} before it was ready:\n{Output}"
                );
            try
            {
                using var answer = await http.GetAsync("health/ready");
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
            {
                // Not listening yet: the loop's limit decides, not this attempt.
            }
            await Task.Delay(50);
        }
        throw new TimeoutException($"The host was not ready after {s_startLimit}:\n{Output}");
    }

    /// <summary>Waits until somebody accepts connections, ready or not.</summary>
    public async Task WaitUntilListening()
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < s_startLimit)
        {
            if (_process!.HasExited)
                throw new InvalidOperationException(
                    $"The host ended with {_process.ExitCode} before it listened:\n{Output}"
                );
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(Url.Host, Url.Port);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(5);
            }
        }
        throw new TimeoutException($"The host did not listen after {s_startLimit}:\n{Output}");
    }

    /// <summary>kill -9: nothing is flushed, no handler runs.</summary>
    public async Task Kill()
    {
        _process!.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Tells the process to stop, as an operator does, and waits until it has.</summary>
    public async Task Stop()
    {
        using (var kill = Process.Start("kill", ["-TERM", $"{_process!.Id}"]))
            await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Runs a command of the program on this host's database, whether or not the host runs.</summary>
    public async Task<(int Code, string Output)> Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.HostAssembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _settings)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await Kill();
        Directory.Delete(_folder, recursive: true);
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
            _output.AppendLine(line.Data);
    }
}
