namespace MlsConsole.Mls;

/// <summary>
/// A key package of this client with the private keys that open a Welcome for it. The keys are zeroed on dispose.
/// </summary>
public sealed class OwnKeyPackage(KeyPackage keyPackage, SecretKeyPair init, SecretKeyPair encryption) : IDisposable
{
    /// <summary>The public key package.</summary>
    public KeyPackage KeyPackage { get; } = keyPackage;

    /// <summary>The init key pair, which decrypts the group secrets of a Welcome.</summary>
    public SecretKeyPair Init { get; } = init;

    /// <summary>The encryption key pair of the leaf node.</summary>
    public SecretKeyPair Encryption { get; } = encryption;

    /// <summary>The key package as an MLSMessage, to publish.</summary>
    public byte[] Encode() => MlsMessage.Of(UnverifiedKeyPackage.Decode(KeyPackage.Encoded)).Encode();

    private const byte StateVersion = 1;

    /// <summary>
    /// Encodes the key package with its private keys, encrypted with a key of the application. Delete the saved key
    /// package once a Welcome was opened with it, unless it is one of last resort.
    /// </summary>
    /// <param name="key">32 bytes that the application keeps, such as in the device's key store.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public byte[] Save(ReadOnlySpan<byte> key) =>
        SavedState.Seal(
            SavedState.Kind.KeyPackage,
            StateVersion,
            // struct {
            //     opaque key_package<V>; opaque init_private_key<V>; opaque encryption_private_key<V>;
            // } OwnKeyPackage;
            new TlsWriter(1024, holdsSecrets: true)
                .WriteOpaque(KeyPackage.Encoded.Span)
                .WriteOpaque(Init.PrivateKey)
                .WriteOpaque(Encryption.PrivateKey),
            key
        );

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="saved">The saved key package.</param>
    /// <param name="key">The key with which the key package was saved.</param>
    /// <exception cref="SavedStateException">The saved key package cannot be decrypted and read.</exception>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    public static OwnKeyPackage Load(ReadOnlySpan<byte> saved, ReadOnlySpan<byte> key)
    {
        var state = SavedState.Open(SavedState.Kind.KeyPackage, StateVersion, saved, key);
        var reader = new TlsReader(state);
        var package = UnverifiedKeyPackage.Decode(reader.ReadOpaque().ToArray()).Verify(null);
        var (init, encryption) = (reader.ReadOpaque().ToArray(), reader.ReadOpaque().ToArray());
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(state);
        return new(
            package,
            new(package.InitKey.ToArray(), init),
            new(package.LeafNode.EncryptionKey.ToArray(), encryption)
        );
    }

    /// <summary>Zeroes both private keys.</summary>
    public void Dispose()
    {
        Init.Dispose();
        Encryption.Dispose();
    }
}
