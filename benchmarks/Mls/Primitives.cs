using System.Security.Cryptography;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>The primitives of a cipher suite, called as src/Mls calls them.</summary>
[MemoryDiagnoser, Config(typeof(InProcess))]
public class Primitives
{
    private sealed class InProcess : BenchmarkDotNet.Configs.ManualConfig
    {
        // The benchmarks run in this process, because the build settings of the repository do not suit the project that
        // BenchmarkDotNet would generate.
        public InProcess() => AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
    }

    private readonly byte[] _message = RandomNumberGenerator.GetBytes(300),
        _secret = RandomNumberGenerator.GetBytes(64);
    private CipherSuite _suite = null!;
    private SecretKeyPair _signing = null!,
        _kem = null!;
    private byte[] _signature = null!,
        _kemOutput = null!,
        _sealed = null!,
        _key = null!,
        _nonce = null!,
        _encrypted = null!;

    [Params(1, 2, 3)]
    public int Suite { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _suite = CipherSuite.Get((ushort)Suite);
        (_signing, _kem) = (_suite.GenerateSignatureKeyPair(), _suite.GenerateKemKeyPair());
        _signature = Sign();
        (_kemOutput, _sealed) = Seal();
        (_key, _nonce) = (
            RandomNumberGenerator.GetBytes(_suite.AeadKeyLength),
            RandomNumberGenerator.GetBytes(_suite.AeadNonceLength)
        );
        _encrypted = AeadSeal();
    }

    [Benchmark]
    public byte[] Sign() => _suite.SignWithLabel(_signing.PrivateKey, "LeafNodeTBS", _message);

    [Benchmark]
    public bool Verify() => _suite.VerifyWithLabel(_signing.PublicKey, "LeafNodeTBS", _message, _signature);

    [Benchmark]
    public (byte[], byte[]) Seal() =>
        _suite.EncryptWithLabel(_kem.PublicKey, "UpdatePathNode", _message, _secret.AsSpan(0, 32));

    [Benchmark]
    public byte[] Open() => _suite.DecryptWithLabel(_kem.PrivateKey, "UpdatePathNode", _message, _kemOutput, _sealed);

    [Benchmark]
    public SecretKeyPair DeriveKeyPair() => _suite.DeriveKemKeyPair(_secret);

    [Benchmark]
    public byte[] Hash() => _suite.Hash(_message);

    [Benchmark]
    public byte[] DeriveSecret() => _suite.DeriveSecret(_secret.AsSpan(0, _suite.HashLength), "epoch");

    [Benchmark]
    public byte[] AeadSeal() => _suite.AeadSeal(_key, _nonce, [], _message);

    [Benchmark]
    public byte[] AeadOpen() => _suite.AeadOpen(_key, _nonce, [], _encrypted);
}
