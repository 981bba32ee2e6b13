using System.Security.Cryptography;

namespace MlsConsole.Mls;

/// <summary>A key pair whose private key is zeroed on dispose.</summary>
public sealed class SecretKeyPair(byte[] publicKey, byte[] privateKey) : IDisposable
{
    /// <summary>The public key in the encoding of MLS.</summary>
    public byte[] PublicKey { get; } = publicKey;

    /// <summary>The private key: a seed or scalar of the suite's length.</summary>
    public byte[] PrivateKey { get; } = privateKey;

    /// <summary>Zeroes the private key.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(PrivateKey);
}
