namespace MlsConsole.Mls;

public sealed partial class CipherSuite
{
    /// <summary>
    /// The name of the switch that adds the cipher suite <see cref="XWing"/>, set by <see cref="AppContext.SetSwitch"/>
    /// before this class is first used, or in <c>runtimeconfig.json</c>. Unless it is set to true, the suite is not
    /// supported.
    /// </summary>
    public const string XWingSwitch = "MlsConsole.Mls.XWing";

    /// <summary>
    /// MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519, with a code point from drafts that existing deployments use. Its
    /// KEM, X-Wing, combines ML-KEM-768 and X25519.
    /// </summary>
    public const ushort XWing = 0x004D;

    /// <summary>The cipher suites that this library has, in the order of their numbers.</summary>
    /// <param name="withXWing">Whether <see cref="XWing"/> is among them.</param>
    internal static CipherSuite[] Table(bool withXWing) =>
        [
            new(
                1,
                "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
                Kem.X25519,
                Kdf.Sha256,
                Aead.Aes128Gcm,
                SignatureAlgorithm.Ed25519
            ),
            new(
                2,
                "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
                Kem.P256,
                Kdf.Sha256,
                Aead.Aes128Gcm,
                SignatureAlgorithm.P256
            ),
            new(
                3,
                "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
                Kem.X25519,
                Kdf.Sha256,
                Aead.ChaCha20Poly1305,
                SignatureAlgorithm.Ed25519
            ),
            new(
                4,
                "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448",
                Kem.X448,
                Kdf.Sha512,
                Aead.Aes256Gcm,
                SignatureAlgorithm.Ed448
            ),
            new(
                5,
                "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
                Kem.P521,
                Kdf.Sha512,
                Aead.Aes256Gcm,
                SignatureAlgorithm.P521
            ),
            new(
                6,
                "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
                Kem.X448,
                Kdf.Sha512,
                Aead.ChaCha20Poly1305,
                SignatureAlgorithm.Ed448
            ),
            new(
                7,
                "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
                Kem.P384,
                Kdf.Sha384,
                Aead.Aes256Gcm,
                SignatureAlgorithm.P384
            ),
            .. withXWing
                ?
                [
                    new CipherSuite(
                        XWing,
                        "MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519",
                        Kem.XWing,
                        Kdf.Sha256,
                        Aead.ChaCha20Poly1305,
                        SignatureAlgorithm.Ed25519
                    ),
                ]
                : Array.Empty<CipherSuite>(),
        ];
}
