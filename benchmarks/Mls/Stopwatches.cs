using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>The clock by which a time is measured.</summary>
internal enum Clock
{
    /// <summary>
    /// The time that the calling thread has spent on a core, where the system tells it (Linux), so that other programs
    /// have little influence; elsewhere the time of day.
    /// </summary>
    OneCore,

    /// <summary>The time of day, for operations that run on several cores.</summary>
    Wall,
}

internal static partial class Stopwatches
{
    private const int ClockThreadCpuTime = 3;

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds,
            Nanoseconds;
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    /// <summary>The nanoseconds since a fixed moment.</summary>
    public static double Now(Clock clock)
    {
        if (clock == Clock.OneCore && OperatingSystem.IsLinux() && clock_gettime(ClockThreadCpuTime, out var time) == 0)
            return time.Seconds * 1e9 + time.Nanoseconds;
        return Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency);
    }
}

/// <summary>
/// The two units of every figure: V is one Ed25519 verification and D is one X25519, both by the library that src/Mls
/// calls.
/// </summary>
/// <remarks>
/// V goes through signatures of different keys over 32 bytes. Verifying the same signature again and again would be a
/// twentieth faster, since the processor learns its branches.
/// </remarks>
internal sealed class References
{
    private const int Repetitions = 16,
        Signatures = 256;
    private readonly (byte[] PublicKey, byte[] Message, byte[] Signature)[] _signed = new (byte[], byte[], byte[])[
        Signatures
    ];
    private readonly byte[] _privateKey,
        _peer,
        _shared = new byte[32];
    private int _next;

    public References()
    {
        var suite = CipherSuite.Get(1);
        foreach (ref var signed in _signed.AsSpan())
        {
            using var signer = suite.GenerateSignatureKeyPair();
            signed = (signer.PublicKey, RandomNumberGenerator.GetBytes(32), new byte[64]);
            var whole = new byte[64];
            Sodium.Ed25519FromSeed(signer.PrivateKey, signed.PublicKey, whole);
            Sodium.Ed25519Sign(whole, signed.Message, signed.Signature);
        }
        (_privateKey, _peer) = (suite.GenerateKemKeyPair().PrivateKey, suite.GenerateKemKeyPair().PublicKey);
    }

    public void V() => Verify(_signed[_next++ % Signatures]);

    private static void Verify((byte[] PublicKey, byte[] Message, byte[] Signature) signed)
    {
        var (publicKey, message, signature) = signed;
        if (!Sodium.Ed25519Verify(publicKey, message, signature))
            throw new InvalidOperationException("The reference signature does not verify.");
    }

    public void D()
    {
        if (!Sodium.X25519(_privateKey, _peer, _shared))
            throw new InvalidOperationException("The reference key agreement failed.");
    }

    /// <summary>Measures the nanoseconds of one V and one D at this moment.</summary>
    public (double V, double D) Sample(Clock clock) => (Time(V, clock), Time(D, clock));

    /// <summary>Describes the times of V and D, and of V with the same signature each time.</summary>
    public string Describe()
    {
        double[] times =
        [
            .. new Action[] { V, () => Verify(_signed[0]), D }.Select(operation =>
                Enumerable.Range(0, 64).Select(_ => Time(operation, Clock.OneCore)).Order().ElementAt(32)
            ),
        ];
        return $"V = {Table.Time(times[0])} ({Table.Time(times[1])} with the same signature each time), "
            + $"D = {Table.Time(times[2])}";
    }

    private static double Time(Action operation, Clock clock)
    {
        Span<double> times = stackalloc double[Repetitions];
        foreach (ref double time in times)
        {
            double start = Stopwatches.Now(clock);
            operation();
            time = Stopwatches.Now(clock) - start;
        }
        times.Sort();
        return times[clock == Clock.Wall ? 0 : Repetitions / 2];
    }
}
