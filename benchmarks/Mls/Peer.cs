using System.Diagnostics;
using System.Text.Json;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>
/// Another MLS library, run as a process that answers each line of JSON with one line of JSON; see benchmarks/peers.
/// </summary>
internal sealed class Peer : IDisposable
{
    private readonly Process _process;

    public Peer(string program, string script) =>
        _process = Process.Start(
            new ProcessStartInfo(program, [script]) { RedirectStandardInput = true, RedirectStandardOutput = true }
        )!;

    /// <summary>Gives the peer the GroupInfo for its next operations.</summary>
    public void Load(byte[] groupInfo) => Ask(new { operation = "load", groupInfo });

    /// <summary>Decodes the GroupInfo and its tree; returns the nanoseconds that this took.</summary>
    public double Decode() => Nanoseconds(Ask(new { operation = "decode" }));

    /// <summary>
    /// Processes a commit as the member that has joined last; returns the nanoseconds that this took.
    /// </summary>
    public double Receive(byte[] commit) => Nanoseconds(Ask(new { operation = "process", commit }));

    /// <summary>Joins by an external commit.</summary>
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
