using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace MlsConsole.E2e;

/// <summary>A host, and <c>./run</c>, whose port another program has.</summary>
public sealed class PortInUseTests
{
    [Fact]
    public async Task A_host_says_in_one_sentence_that_its_port_is_in_use_and_ends()
    {
        await using var first = await HostProcess.Start();
        // The program without a command is a second host with the settings of the first.
        var (code, output) = await first.Run();
        Assert.Equal(1, code);
        string line = Assert.Single(output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains($"another program listens on port {first.Url.Port}", line, StringComparison.Ordinal);
        await first.WaitUntilReady();
    }

    [SkippableFact]
    public async Task Run_says_in_one_sentence_that_its_port_is_in_use_and_starts_nothing()
    {
        Skip.If(OperatingSystem.IsWindows(), "./run is for bash.");
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        var folder = Directory.CreateTempSubdirectory("mlsconsole-run-");
        try
        {
            var start = new ProcessStartInfo(
                Path.Combine(Repository.Root, "run"),
                ["--no-build", "--port", $"{port}", "--database", Path.Combine(folder.FullName, "console.db")]
            )
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var run = Process.Start(start)!;
            var errors = run.StandardError.ReadToEndAsync();
            Assert.Equal("", await run.StandardOutput.ReadToEndAsync());
            Assert.Equal(
                $"./run cannot start: another program listens on port {port}; choose another port with --port.\n",
                await errors
            );
            await run.WaitForExitAsync();
            Assert.Equal(1, run.ExitCode);
            Assert.Empty(folder.GetFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
