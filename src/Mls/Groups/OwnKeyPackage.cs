namespace MlsConsole.Mls;

/// <summary>A key package with the private keys that open a Welcome to it. Zeroed on dispose.</summary>
public sealed class OwnKeyPackage(KeyPackage keyPackage, SecretKeyPair init, SecretKeyPair encryption) : IDisposable
{
    /// <summary>What is published.</summary>
    public KeyPackage KeyPackage { get; } = keyPackage;
    /// <summary>Opens the group secrets of a Welcome.</summary>
    public SecretKeyPair Init { get; } = init;
    /// <summary>The leaf's key.</summary>
    public SecretKeyPair Encryption { get; } = encryption;

    /// <summary>The key package as an MLSMessage, to publish.</summary>
    public byte[] Encode() => MlsMessage.Of(UnverifiedKeyPackage.Decode(KeyPackage.Encoded)).Encode();

    /// <summary>Zeroes both private keys.</summary>
    public void Dispose()
    {
        Init.Dispose();
        Encryption.Dispose();
    }
}
