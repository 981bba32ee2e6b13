using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MlsConsole.Fleet;

/// <summary>
/// A host that the fleet starts for itself: a process on a free loopback port, with a database of its own, and without
/// the limits that so many rejoins would exceed.
/// </summary>
internal sealed class Host : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90);
    private readonly string _dll;
    private readonly Dictionary<string, string> _settings;
    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-fleet-").FullName;
    private Process? _process;

    private Host(string dll, string? postgreSql, int slowMilliseconds)
    {
        (_dll, Url) = (Path.GetFullPath(dll), new($"http://127.0.0.1:{FreePort()}"));
        _settings = new()
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["ASPNETCORE_URLS"] = Url.ToString().TrimEnd('/'),
            ["Logging__LogLevel__Default"] = "Warning",
            ["Storage__Provider"] = postgreSql is null ? "Sqlite" : "PostgreSql",
            ["ConnectionStrings__Default"] = postgreSql ?? $"Data Source={Path.Combine(_folder, "host.db")}",
            ["DataProtection__KeyRing"] = Path.Combine(_folder, "keys"),
            ["Rejoin__LimitPerHour"] = "1000000",
            ["Rejoin__RefusedLimitPerHour"] = "1000000",
            ["RateLimits__Enabled"] = "false",
        };
        if (slowMilliseconds > 0)
            _settings["Demo__SlowMilliseconds"] = slowMilliseconds.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>The assembly of the host that was built in this repository with the same configuration.</summary>
    public static string Beside
    {
        get
        {
            // The folder is benchmarks/Fleet/bin/CONFIGURATION/net10.0.
            var own = new DirectoryInfo(AppContext.BaseDirectory);
            return Path.Combine(
                own.FullName,
                "..",
                "..",
                "..",
                "..",
                "..",
                "src",
                "Host",
                "bin",
                own.Parent!.Name,
                own.Name,
                "MlsConsole.Host.dll"
            );
        }
    }

    public Uri Url { get; }

    public int Kills { get; private set; }

    /// <summary>The memory of the process in bytes; null while it does not run.</summary>
    public long? WorkingSet
    {
        get
        {
            try
            {
                if (_process is not { HasExited: false } process)
                    return null;
                process.Refresh();
                return process.WorkingSet64;
            }
            catch (InvalidOperationException)
            {
                // The process was killed at this moment.
                return null;
            }
        }
    }

    /// <summary>The processor time that the process has used.</summary>
    public TimeSpan ProcessorTime => _process?.TotalProcessorTime ?? default;

    public static async Task<Host> Start(string dll, string? postgreSql, int slowMilliseconds, CancellationToken stop)
    {
        for (int tries = 1; ; tries++)
        {
            var host = new Host(dll, postgreSql, slowMilliseconds);
            try
            {
                host.Launch();
                await WaitUntilReady(host.Url, () => host._process is { HasExited: false }, stop);
                return host;
            }
            catch (InvalidOperationException) when (tries < 3 && host._process is { HasExited: true })
            {
                // Another program may have taken the port meanwhile; the next host gets another one.
                await host.DisposeAsync();
            }
            catch
            {
                await host.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Kills the process, as by kill -9, and starts it again on the same database.</summary>
    public async Task Kill(CancellationToken stop)
    {
        Kills++;
        await End();
        Launch();
        await WaitUntilReady(Url, () => _process is { HasExited: false }, stop);
    }

    /// <summary>Waits until a host answers that it is ready.</summary>
    /// <exception cref="InvalidOperationException">The host has ended, or is not ready in time.</exception>
    public static async Task WaitUntilReady(Uri url, Func<bool> runs, CancellationToken stop)
    {
        using var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(5) };
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < s_startLimit && runs(); await Task.Delay(100, stop))
        {
            try
            {
                using var answer = await http.GetAsync("health/ready", stop);
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (Exception exception)
                when (exception is HttpRequestException or TaskCanceledException && !stop.IsCancellationRequested)
            {
                // The host does not listen yet.
            }
        }
        throw new InvalidOperationException($"No host is ready at {url}");
    }

    private void Launch()
    {
        // The working directory is that of the host's project, which has its static files. It is three levels above the
        // assembly.
        var start = new ProcessStartInfo("dotnet", [_dll])
        {
            WorkingDirectory = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(_dll)!, "..", "..", "..")),
            RedirectStandardOutput = true,
        };
        foreach (var (name, value) in _settings)
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        string log = Path.Combine(_folder, "host.log");
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not { } text)
                return;
            lock (_settings)
                File.AppendAllText(log, text + Environment.NewLine);
        };
        _process.Start();
        _process.BeginOutputReadLine();
    }

    private async Task End()
    {
        if (_process is not { } process)
            return;
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await End();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>
    /// Finds a free port below the range from which outgoing connections get theirs. While the host is down, such a
    /// connection could otherwise get the host's port and be connected with itself.
    /// </summary>
    private static int FreePort()
    {
        while (true)
        {
            int port = Random.Shared.Next(20000, 32000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // The port is in use.
            }
        }
    }
}
