using System.Diagnostics;
using System.Text.Json;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>Another library as a process that answers a line of JSON with one: see benchmarks/peers.</summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    public Peer(string program, string script) =>
        _process = Process.Start(
            new ProcessStartInfo(program, [script]) { RedirectStandardInput = true, RedirectStandardOutput = true }
        )!;

    /// <summary>Takes a GroupInfo to work on.</summary>
    public void Load(byte[] groupInfo) => Ask(new { operation = "load", groupInfo });

    /// <summary>Nanoseconds to make objects of its GroupInfo and tree.</summary>
    public double Decode() => Nanoseconds(Ask(new { operation = "decode" }));

    /// <summary>Nanoseconds to process a commit as the member that joined last.</summary>
    public double Receive(byte[] commit) => Nanoseconds(Ask(new { operation = "process", commit }));

    /// <summary>Joins by external commit.</summary>
    public (double Nanoseconds, byte[] Commit, byte[] GroupInfo) Join()
    {
        var answer = Ask(new { operation = "join" });
        return (
            Nanoseconds(answer),
            answer.GetProperty("commit").GetBytesFromBase64(),
            answer.GetProperty("groupInfo").GetBytesFromBase64()
        );
    }

    private JsonElement Ask(object request)
    {
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(request));
        _process.StandardInput.Flush();
        var line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The peer has ended.");
        var answer = JsonDocument.Parse(line).RootElement;
        return answer.TryGetProperty("error", out var error)
            ? throw new InvalidOperationException($"The peer refused: {error.GetString()}")
            : answer;
    }

    private static double Nanoseconds(JsonElement answer) => answer.GetProperty("milliseconds").GetDouble() * 1e6;

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
