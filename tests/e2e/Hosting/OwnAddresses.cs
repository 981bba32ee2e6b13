using System.Diagnostics;
using System.Net;

namespace MlsConsole.E2e;

/// <summary>
/// Two addresses of this machine that are not loopback, on a pair of virtual interfaces that the test makes and that go
/// with it. What is sent to them stays on the machine.
/// </summary>
internal sealed class OwnAddresses : IDisposable
{
    private static int s_made;
    private readonly string _name;

    private OwnAddresses(string name, byte number) =>
        (_name, First, Second) = (name, new([198, 18, number, 1]), new([198, 18, number, 2]));

    public IPAddress First { get; }

    public IPAddress Second { get; }

    /// <summary>
    /// Makes them, or skips the test where interfaces may not be made; with CI=true that is a failure.
    /// </summary>
    public static async Task<OwnAddresses> Create()
    {
        var number = Interlocked.Increment(ref s_made);
        OwnAddresses made = new($"mls{Environment.ProcessId % 1000000}n{number}", (byte)Random.Shared.Next(1, 255));
        var problem =
            await Ip($"link add {made._name}a type veth peer name {made._name}b")
            ?? await Ip($"addr add {made.First}/32 dev {made._name}a")
            ?? await Ip($"addr add {made.Second}/32 dev {made._name}a")
            ?? await Ip($"link set {made._name}a up");
        if (problem is null)
            return made;
        made.Dispose();
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(problem);
        Skip.If(true, $"No network interface can be made here: {problem}");
        throw new UnreachableException();
    }

    public void Dispose() => Ip($"link del {_name}a").GetAwaiter().GetResult();

    /// <returns>Null if the command was done, else why not.</returns>
    private static async Task<string?> Ip(string arguments)
    {
        try
        {
            using var ip = Process.Start(
                new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
            var errors = ip.StandardError.ReadToEndAsync();
            await ip.StandardOutput.ReadToEndAsync();
            await ip.WaitForExitAsync();
            return ip.ExitCode == 0 ? null : $"ip {arguments}: {(await errors).Trim()}";
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return $"ip: {exception.Message}";
        }
    }
}
