// dotnet run -c Release --project benchmarks/Identity
//
// Measures one verification of a service token's signature, by the code of src/Host and by other libraries, and prints
// the time and its ratio to one ES256 verification of src/Host.
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using MlsConsole.Host.Identity;
using MlsConsole.Identity.Benchmarks;

const int Rounds = 60;
byte[] token = RandomNumberGenerator.GetBytes(400);
Signed p256 = new(EcdsaCurve.P256, token),
    k256 = new(EcdsaCurve.Secp256k1, token);
EcdsaPublicKey es256 = EcdsaPublicKey.FromPoint(EcdsaCurve.P256, p256.Point)!,
    es256k = EcdsaPublicKey.FromPoint(EcdsaCurve.Secp256k1, k256.Point)!;

(string Name, Func<bool> Verify)[] ways =
[
    ("ES256, src/Host", () => es256.Verify(token, p256.Signature, allowHighS: true)),
    ("ES256, class library, key imported each time", p256.Imported),
    ("ES256K, src/Host", () => es256k.Verify(token, k256.Signature, allowHighS: true)),
    ("ES256K, src/Host, high s", () => es256k.Verify(token, k256.Twin, allowHighS: true)),
    .. OperatingSystem.IsMacOS()
        ? []
        : ((string, Func<bool>)[])
            [
                ("ES256K, class library, key kept", k256.Kept()),
                ("ES256K, class library, key imported each time", k256.Imported),
            ],
    ("ES256K, NBitcoin.Secp256k1, key kept", k256.NBitcoin()),
    ("ES256K, BouncyCastle, key kept", k256.BouncyCastle),
];

// Each round runs all ways one after the other, so that a machine which becomes slower slows all of them. The best
// round counts, since other programs can only add time.
double[] best = [.. ways.Select(static _ => double.MaxValue)];
for (int round = 0; round < Rounds; round++)
{
    for (int way = 0; way < ways.Length; way++)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 20; i++)
            if (!ways[way].Verify())
                throw new InvalidOperationException($"{ways[way].Name} refuses a good signature.");
        if (round >= 10)
            best[way] = Math.Min(best[way], Stopwatch.GetElapsedTime(start).TotalMicroseconds / 20);
    }
}
Console.WriteLine("| one verification | time | / ES256 |\n|---|---:|---:|");
for (int way = 0; way < ways.Length; way++)
    Console.WriteLine(
        string.Create(
            CultureInfo.InvariantCulture,
            $"| {ways[way].Name} | {best[way]:0.0} us | {best[way] / best[0]:0.00} |"
        )
    );
