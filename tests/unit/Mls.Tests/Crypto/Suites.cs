using System.Security.Cryptography;

namespace MlsConsole.Mls.Tests;

/// <summary>What the tests of the primitives share.</summary>
internal static class Suites
{
    public static TheoryData<ushort> All => [.. CipherSuite.All.Select(suite => suite.Id)];

    public static TheoryData<ushort> Nist => [2, 5, 7];

    public static void Refused(Rule rule, Action action) =>
        Assert.Equal(rule, Assert.Throws<MlsException>(action).Rule);

    public static byte[] Flipped(byte[] bytes, int index)
    {
        byte[] copy = [.. bytes];
        copy[index] ^= 1;
        return copy;
    }

    public static ECCurve Curve(ushort suite) =>
        suite switch
        {
            2 => ECCurve.NamedCurves.nistP256,
            5 => ECCurve.NamedCurves.nistP521,
            7 => ECCurve.NamedCurves.nistP384,
            _ => throw new ArgumentOutOfRangeException(nameof(suite)),
        };
}
