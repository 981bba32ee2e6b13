using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace MlsConsole.E2e;

/// <summary>HAProxy as a process of this test, with a configuration of its own.</summary>
internal sealed class HaProxy : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private HaProxy(Process process)
    {
        _process = process;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private static string Program =>
        Environment.GetEnvironmentVariable("MLSCONSOLE_HAPROXY") is { Length: > 0 } named ? named
        : File.Exists("/usr/sbin/haproxy") ? "/usr/sbin/haproxy"
        : "haproxy";

    /// <summary>Skips the test where HAProxy is not installed; with CI=true that is a failure.</summary>
    public static void Require()
    {
        string? missing = null;
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(Program, "-v") { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            missing = "HAProxy is not installed.";
        }
        if (missing is not null && Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(missing);
        Skip.If(missing is not null, missing);
    }

    /// <summary>The configuration of docs/deployment.md.</summary>
    public static string DocumentedConfiguration()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "deployment.md"));
        const string Fence = "```haproxy\n";
        var start = text.IndexOf(Fence, StringComparison.Ordinal) + Fence.Length;
        Assert.True(start > Fence.Length, "docs/deployment.md has no configuration of HAProxy.");
        return text[start..text.IndexOf("```", start, StringComparison.Ordinal)];
    }

    /// <summary>Starts it and waits until it accepts connections on the ports.</summary>
    public static async Task<HaProxy> Start(string file, params int[] ports)
    {
        var proxy = new HaProxy(
            Process.Start(
                new ProcessStartInfo(Program, ["-db", "-f", file])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!
        );
        foreach (var port in ports)
            for (var tries = 0; ; tries++)
            {
                try
                {
                    using var client = new TcpClient();
                    await client.ConnectAsync("127.0.0.1", port);
                    break;
                }
                catch (SocketException) when (tries < 600 && !proxy._process.HasExited)
                {
                    await Task.Delay(50);
                }
                catch (SocketException)
                {
                    throw new InvalidOperationException($"HAProxy does not listen: {proxy.Output}");
                }
            }
        return proxy;
    }

    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
            _output.AppendLine(line.Data);
    }
}
