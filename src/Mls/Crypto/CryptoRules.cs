namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>A cipher suite is not supported by this library.</summary>
    public static readonly Rule CipherSuiteUnsupported = new(
        "crypto.cipher-suite",
        "§5.1",
        "The cipher suite is one that this library supports."
    );

    /// <summary>HPKE decryption failed.</summary>
    public static readonly Rule HpkeOpen = new(
        "crypto.hpke-open",
        "§5.1.3",
        "An HPKE ciphertext opens with the recipient's private key."
    );

    /// <summary>AEAD decryption failed.</summary>
    public static readonly Rule AeadOpen = new(
        "crypto.aead-open",
        "§6.3.1",
        "An AEAD ciphertext opens with its key and nonce."
    );

    /// <summary>A public key is malformed.</summary>
    public static readonly Rule PublicKeyMalformed = new(
        "crypto.public-key",
        "§5.1.1",
        "A public key is well-formed for the cipher suite."
    );
}
