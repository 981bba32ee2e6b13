using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// RFC 9420 §10 and §10.1: key packages that are downloaded, that are added, and that a client sends itself.
/// </summary>
public sealed class Breaking_key_packages : Breaking<Breaking_key_packages>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        Package(
            Rules.KeyPackageSignature,
            "signed by another key",
            parts => parts with { SignedBy = new TestClient(1, "another") }
        ),
        Package(
            Rules.KeyPackageLeafSource,
            "leaf with source update",
            parts => parts with { Source = LeafNodeSource.Update }
        ),
        Package(Rules.KeyPackageInitKey, "init key of low order", parts => parts with { InitKey = new byte[32] }),
        Package(
            Rules.KeyPackageInitKey,
            "init key that is the leaf's encryption key",
            parts => parts with { InitKey = parts.EncryptionKey }
        ),
        Package(Rules.KeyPackageLifetime, "expired", parts => parts with { Lifetime = new(0, 1) }),
        Package(
            Rules.KeyPackageLifetime,
            "not valid yet",
            parts => parts with { Lifetime = new(ulong.MaxValue - 1, ulong.MaxValue) }
        ),
        Package(
            Rules.LeafSignature,
            "leaf signed by another key",
            parts => parts with { LeafSignedBy = new TestClient(1, "another") }
        ),
        Package(Rules.LeafKeys, "encryption key of low order", parts => parts with { EncryptionKey = new byte[32] }),
        Package(
            Rules.ExtensionDuplicate,
            "an extension twice",
            parts => parts with { Extensions = new(new Extension(0x0A0A, default), new Extension(0x0A0A, default)) }
        ),
        Package(
            Rules.ExtensionPlace,
            "ratchet_tree",
            parts => parts with { Extensions = new(new Extension(ExtensionType.RatchetTree, default)) }
        ),
        PublicScene.Case(
            Rules.KeyPackageCipherSuite,
            "Add of a key package for another suite",
            scene => scene.Commit(),
            (_, commit) => commit.Add(new TestClient(2, "another").KeyPackage())
        ),
        PublicScene.Case(
            Rules.KeyPackageLifetime,
            "Add of an expired key package",
            scene => scene.Commit(),
            (_, commit) => commit.Add(new TestClient(1, "another").KeyPackage(lifetime: new(0, 1)))
        ),
        new(
            Rules.KeyPackageLifetime,
            "commit of one's own with an expired key package",
            () =>
            {
                var client = new Client(1, Credential.Basic("alice"u8.ToArray()));
                var group = Group.Create(client);
                UnverifiedKeyPackage expired = new TestClient(1, "another").BareKeyPackage(lifetime: new(0, 1)),
                    current = new TestClient(1, "another").BareKeyPackage();
                return new(
                    () => group.Commit(new() { Add = [expired] }),
                    () => group.Commit(new() { Add = [current] }),
                    group.PublicGroup.Snapshot
                );
            }
        ),
        new(
            Rules.KeyPackageLifetime,
            "proposal of one's own with an expired key package",
            () =>
            {
                var client = new Client(1, Credential.Basic("alice"u8.ToArray()));
                var group = Group.Create(client);
                UnverifiedKeyPackage expired = new TestClient(1, "another").BareKeyPackage(lifetime: new(0, 1)),
                    current = new TestClient(1, "another").BareKeyPackage();
                return new(
                    () => group.Propose(new AddProposal(expired)),
                    () => group.Propose(new AddProposal(current)),
                    group.PublicGroup.Snapshot
                );
            }
        ),
        new(
            Rules.CipherSuiteUnsupported,
            "a cipher suite that we do not know",
            () =>
            {
                byte[] right = new TestClient(1, "bob").KeyPackage(),
                    wrong = (byte[])right.Clone();
                wrong[6] = wrong[7] = 0x0A; // after the header: version, wire format; then version, cipher suite
                return new(
                    () => UnverifiedKeyPackage.Decode(wrong).Verify(PublicScene.Now),
                    () => UnverifiedKeyPackage.Decode(right).Verify(PublicScene.Now)
                );
            }
        ),
    ];

    /// <summary>What a key package is made of.</summary>
    private sealed record Parts(
        TestClient Client,
        byte[] InitKey,
        byte[] EncryptionKey,
        TestClient SignedBy,
        TestClient LeafSignedBy,
        LeafNodeSource Source,
        Lifetime Lifetime,
        Extensions Extensions
    )
    {
        public UnverifiedKeyPackage Build()
        {
            var leaf = LeafNode.Create(
                Client.Suite,
                LeafSignedBy.SignatureKey.PrivateKey,
                EncryptionKey,
                Client.SignatureKey.PublicKey,
                Client.Credential,
                TestClient.DefaultCapabilities,
                Source,
                Lifetime,
                place: (new byte[16], new(0))
            );
            return UnverifiedKeyPackage.Create(
                Client.Suite,
                SignedBy.SignatureKey.PrivateKey,
                InitKey,
                leaf,
                Extensions
            );
        }
    }

    private static Broken Package(Rule rule, string name, Func<Parts, Parts> spoil) =>
        new(
            rule,
            name,
            () =>
            {
                var client = new TestClient(1, "bob");
                var right = new Parts(
                    client,
                    client.NewKemKey(),
                    client.NewKemKey(),
                    client,
                    client,
                    LeafNodeSource.KeyPackage,
                    TestClient.CurrentLifetime(),
                    Extensions.None
                );
                UnverifiedKeyPackage wrong = spoil(right).Build(),
                    control = right.Build();
                return new(() => wrong.Verify(PublicScene.Now), () => control.Verify(PublicScene.Now));
            }
        );
}
