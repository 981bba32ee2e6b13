using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// The application is asked about every credential that is introduced to a client (RFC 9420 §5.3.1), also with X.509
/// chains.
/// </summary>
public sealed class Credentials_of_members : GroupTests
{
    private Client Suspicious(string name, List<string> asked, Func<string, bool> accept) =>
        Keep(
            new Client(1, Credential.Basic(Encoding.UTF8.GetBytes(name)))
            {
                VerifyCredential = (credential, _, before) =>
                {
                    string who = Encoding.UTF8.GetString(credential.Identity.Span);
                    asked.Add(before is null ? who : $"{Encoding.UTF8.GetString(before.Identity.Span)} -> {who}");
                    return accept(who);
                },
            }
        );

    [Fact]
    public void Newcomers_are_verified_and_refused_without_effect()
    {
        var asked = new List<string>();
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Suspicious("bob", asked, who => who != "mallory"));
        Assert.Equal(["alice", "bob"], asked.Order());
        asked.Clear();

        using var mallory = Client(1, "mallory").CreateKeyPackage();
        var add = alice.Commit(new() { Add = [UnverifiedKeyPackage.Decode(mallory.Encode())] });
        Refused(Rules.CredentialRefused, () => bob.Receive(add.Commit));
        Assert.Equal(["mallory"], asked);
        var external = Keep(
            Group.JoinByExternalCommit(Client(1, "mallory"), UnverifiedGroupInfo.Decode(bob.CreateGroupInfo()))
        );
        Refused(Rules.CredentialRefused, () => bob.Receive(external.Pending!.Commit));
        asked.Clear();
        Commit(alice, new(), bob); // nobody new, nobody asked
        Assert.Empty(asked);
        Refused(
            Rules.CredentialRefused,
            () =>
                Group.JoinByExternalCommit(
                    Suspicious("carol", asked, who => who != "bob"),
                    UnverifiedGroupInfo.Decode(alice.CreateGroupInfo())
                )
        );
    }

    [Fact]
    public void External_senders_are_verified_when_they_are_listed()
    {
        var asked = new List<string>();
        var alice = Keep(Group.Create(Client(1, "alice")));
        var bob = Add(alice, Suspicious("bob", asked, who => who != "eve"));
        asked.Clear();
        GroupContextExtensionsProposal List(string name) =>
            new(
                new(
                    ExternalSender.ToExtension(
                        new ExternalSender(new byte[32], Credential.Basic(Encoding.UTF8.GetBytes(name)))
                    )
                )
            );
        Refused(Rules.CredentialRefused, () => bob.Receive(alice.Commit(new() { Proposals = [List("eve")] }).Commit));
        Commit(alice, new() { Proposals = [List("service")] }, bob);
        Commit(alice, new() { Proposals = [List("service")] }, bob);
        Assert.Equal(["eve", "service"], asked);
    }

    [Fact]
    public void Who_comes_back_must_be_acceptable_as_the_successor_of_the_leaf_it_removes()
    {
        var asked = new List<string>();
        var alice = Keep(Group.Create(Suspicious("alice", asked, who => who != "mallory")));
        var bob = Add(alice, Client(1, "bob"));
        asked.Clear();
        Group Resync(string name) =>
            Keep(
                Group.JoinByExternalCommit(
                    Client(1, name),
                    UnverifiedGroupInfo.Decode(alice.CreateGroupInfo()),
                    remove: bob.OwnLeaf
                )
            );
        Refused(Rules.CredentialRefused, () => alice.Receive(Resync("mallory").Pending!.Commit));
        alice.Receive(Resync("bobby").Pending!.Commit);
        Assert.Equal(["bob -> mallory", "bob -> bobby"], asked);
    }

    [Fact]
    public void What_one_proposes_or_commits_oneself_is_verified_too()
    {
        var asked = new List<string>();
        var alice = Keep(Group.Create(Suspicious("alice", asked, who => who != "mallory")));
        UnverifiedKeyPackage Package(string name) =>
            UnverifiedKeyPackage.Decode(Client(1, name).CreateKeyPackage().Encode());
        Refused(Rules.CredentialRefused, () => alice.Commit(new() { Add = [Package("mallory")] }));
        Refused(Rules.CredentialRefused, () => alice.Propose(new AddProposal(Package("mallory"))));
        alice.Commit(new() { Add = [Package("carol")] });
        Assert.Equal(["mallory", "mallory", "carol"], asked);
    }

    [Fact]
    public void A_stranger_who_asks_to_be_added_is_refused_before_anybody_can_commit_it()
    {
        var alice = Keep(Group.Create(Suspicious("alice", [], who => who != "mallory")));
        byte[] Ask(string name)
        {
            var client = Client(1, name);
            return ExternalProposals.Join(client, Keep(client.CreateKeyPackage()), alice.GroupId, alice.CurrentEpoch);
        }
        Refused(Rules.CredentialRefused, () => alice.Receive(Ask("mallory")));
        Assert.False(alice.MustCommit);
        alice.Receive(Ask("carol"));
        Assert.True(alice.MustCommit);
    }

    [Fact]
    public void X509_chains_lead_to_a_root_and_the_certificate_has_the_signature_key()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var otherRootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Root(rootKey, "CN=root");
        using var otherRoot = Root(otherRootKey, "CN=other root");
        var verify = X509Credentials.VerifyChain(
            [root],
            (certificate, _) => certificate.Subject.StartsWith("CN=member", StringComparison.Ordinal)
        );
        Client Member(X509Certificate2 issuer, string subject, bool otherKey = false)
        {
            var pair = CipherSuite.Get(2).GenerateSignatureKeyPair();
            using var key = ECDsa.Create(
                new ECParameters
                {
                    Curve = ECCurve.NamedCurves.nistP256,
                    Q = new() { X = pair.PublicKey[1..33], Y = pair.PublicKey[33..] },
                    D = pair.PrivateKey,
                }
            );
            using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest(subject, otherKey ? stranger : key, HashAlgorithmName.SHA256);
            using var certificate = request.Create(
                issuer,
                DateTimeOffset.UtcNow.AddDays(-1),
                DateTimeOffset.UtcNow.AddDays(1),
                [1, 2, 3]
            );
            return Keep(new Client(2, Credential.X509([certificate.RawData]), pair) { VerifyCredential = verify });
        }

        var alice = Keep(Group.Create(Member(root, "CN=member alice")));
        var bob = Add(alice, Member(root, "CN=member bob"));
        Talk(alice, bob);
        UnverifiedKeyPackage Package(Client client) => UnverifiedKeyPackage.Decode(client.CreateKeyPackage().Encode());
        foreach (var stranger in (Client[])[Member(otherRoot, "CN=member carol"), Member(root, "CN=guest")])
            Refused(
                Rules.CredentialRefused,
                () => bob.Receive(alice.Commit(new() { Add = [Package(stranger)] }).Commit)
            );
        Refused(Rules.LeafX509Key, () => Package(Member(root, "CN=member dave", otherKey: true)));
        Refused(
            Rules.CredentialRefused,
            () => bob.Receive(alice.Commit(new() { Add = [Package(Client(2, "basic"))] }).Commit)
        );
    }

    private static X509Certificate2 Root(ECDsa key, string name)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
    }
}
