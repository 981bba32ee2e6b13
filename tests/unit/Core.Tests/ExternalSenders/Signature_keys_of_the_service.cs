using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Rows;
using MlsConsole.Mls;

namespace MlsConsole.Core.Tests;

public class Signature_keys_of_the_service
{
    private const string Did = "did:web:mls.example.com";

    [Fact]
    public async Task There_is_one_of_each_signature_scheme_and_it_signs()
    {
        await using var service = await Service.StartAsync();
        var senders = await service.Get<SignatureKeys>().ExternalSendersAsync(Did, CancellationToken.None);
        // TLS: ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_secp521r1_sha512, ed25519, ed448
        Assert.Equal([0x0403, 0x0503, 0x0603, 0x0807, 0x0808], senders.Select(sender => sender.SignatureScheme));
        foreach (var (sender, key) in senders.Zip(await KeysAsync(service)))
        {
            Assert.Equal(Credential.Basic(Encoding.UTF8.GetBytes(Did)).Encode(), sender.Credential);
            var suite = CipherSuite.All.First(suite => suite.SignatureScheme == sender.SignatureScheme);
            using var pair = service.Get<SignatureKeys>().Open(key);
            Assert.True(
                suite.VerifyWithLabel(
                    sender.SignatureKey,
                    "label",
                    "content"u8,
                    suite.SignWithLabel(pair.PrivateKey, "label", "content"u8)
                )
            );
        }
    }

    [Fact]
    public async Task Of_hosts_that_start_at_once_one_makes_them_and_all_have_them()
    {
        await using var service = await Service.StartAsync();
        await service.Database.WriteAsync(
            context => context.Database.ExecuteSqlRawAsync("DELETE FROM signature_keys"),
            CancellationToken.None
        );
        var hosts = new List<Service>();
        for (int i = 0; i < 4; i++)
            hosts.Add(await service.SecondHostAsync(start: false));
        await Task.WhenAll(
            hosts.Select(host => Task.Run(() => host.Get<SignatureKeys>().StartAsync(CancellationToken.None)))
        );
        var first = await PublicKeysAsync(service);
        Assert.Equal(5, first.Count);
        foreach (var host in hosts)
        {
            Assert.Equal(first, await PublicKeysAsync(host));
            foreach (var key in await KeysAsync(host))
                host.Get<SignatureKeys>().Open(key).Dispose();
            await host.DisposeAsync();
        }
        Assert.Equal(5, (await KeysAsync(service)).Count);
        await service.RestartAsync();
        Assert.Equal(first, await PublicKeysAsync(service));
    }

    [Fact]
    public async Task The_database_has_no_private_key_in_the_clear_and_is_of_no_use_without_the_key_ring()
    {
        await using var service = await Service.StartAsync();
        foreach (var key in await KeysAsync(service))
        {
            using var pair = service.Get<SignatureKeys>().Open(key);
            Assert.Equal(-1, key.ProtectedPrivateKey.AsSpan().IndexOf(pair.PrivateKey));
        }
        var other = new SignatureKeys(
            service.Database,
            service.Get<AuditLog>(),
            new EphemeralDataProtectionProvider(),
            TimeProvider.System
        );
        await Assert.ThrowsAnyAsync<CryptographicException>(() => other.StartAsync(CancellationToken.None));
        await other.RotateAsync(Actor.CommandLine, "c", CancellationToken.None); // the way out
        await other.StartAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_retired_key_is_kept_as_long_as_a_group_lists_it()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone");
        var convo = await service.CreateConvoAsync(alice);
        byte[] listed = (await ForSuiteAsync(service, 1)).SignatureKey.ToArray();
        convo = await ListAsync(
            service,
            convo,
            alice,
            await ForSuiteAsync(service, 2),
            await ForSuiteAsync(service, 1)
        ); // the first is of another scheme: of no use here
        Assert.Equal(listed, (await ListedByAsync(service, convo))!.PublicKey);

        // Whoever read the list of keys a moment ago may still put them into a new group.
        Assert.Equal(new(5, 0), await RotateAsync(service));
        Assert.Equal(new(6, 4), await RotateAsync(service));
        Assert.DoesNotContain(
            listed,
            (await service.Get<SignatureKeys>().ExternalSendersAsync(Did, CancellationToken.None)).Select(sender =>
                sender.SignatureKey
            )
        );
        Assert.Contains(listed, (await KeysAsync(service)).Select(key => key.PublicKey));

        var fresh = await ForSuiteAsync(service, 1);
        convo = await ListAsync(service, convo, alice, new ExternalSender(listed, fresh.Credential), fresh);
        // Of several listed keys, the newest counts.
        Assert.Equal(fresh.SignatureKey.ToArray(), (await ListedByAsync(service, convo))!.PublicKey);
        convo = await ListAsync(service, convo, alice);
        Assert.Null(await ListedByAsync(service, convo));
        Assert.Equal(new(5, 6), await RotateAsync(service));
        var rotations = (await service.Get<AuditLog>().LatestAsync(100, CancellationToken.None))
            .Where(entry => entry.Action == "rotateSignatureKey")
            .ToList();
        Assert.Equal(3, rotations.Count);
        Assert.All(rotations, entry => Assert.Equal(("operator", "accepted"), (entry.Actor, entry.Outcome)));
    }

    [Fact]
    public async Task A_group_may_list_the_service_from_its_start()
    {
        await using var service = await Service.StartAsync();
        var alice = await service.EnrolAsync("did:example:alice", "phone", 2);
        var key = await ForSuiteAsync(service, 2);
        var convo = await service.CreateConvoAsync(alice, ExternalSender.ToExtension(key));
        Assert.Equal(key.SignatureKey.ToArray(), (await ListedByAsync(service, convo))!.PublicKey);
        await service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).WithPath().Build());
        Assert.NotNull(await ListedByAsync(service, convo)); // a commit that leaves the extensions as they are
    }

    /// <summary>The service's key for the groups of a cipher suite, as a group lists it.</summary>
    internal static async Task<ExternalSender> ForSuiteAsync(Service service, ushort suite)
    {
        var sender = (await service.Get<SignatureKeys>().ExternalSendersAsync(Did, CancellationToken.None)).Single(
            sender => sender.SignatureScheme == CipherSuite.Get(suite).SignatureScheme
        );
        return new(sender.SignatureKey, Credential.Basic(Encoding.UTF8.GetBytes(Did)));
    }

    /// <summary>An admin's commit that changes whom the group lists.</summary>
    internal static async Task<TestConvo> ListAsync(
        Service service,
        TestConvo convo,
        TestDevice admin,
        params ExternalSender[] senders
    )
    {
        var extensions = senders.Length == 0 ? Extensions.None : new Extensions(ExternalSender.ToExtension(senders));
        var commit = convo
            .Group.Commit(admin.Client)
            .With(new GroupContextExtensionsProposal(extensions))
            .WithPath()
            .Build();
        await service.CommitAsync(convo, admin, commit);
        return convo with { Group = commit.After! };
    }

    internal static Task<Rotation> RotateAsync(Service service) =>
        service.Get<SignatureKeys>().RotateAsync(Actor.CommandLine, "test", CancellationToken.None);

    private static async Task<SignatureKey?> ListedByAsync(Service service, TestConvo convo)
    {
        await using var context = service.Database.Read();
        long? id = await context
            .Set<Conversation>()
            .Where(row => row.Id == convo.Id)
            .Select(row => row.SignatureKeyId)
            .SingleAsync();
        return await context.Set<SignatureKey>().SingleOrDefaultAsync(key => key.Id == id);
    }

    private static async Task<List<SignatureKey>> KeysAsync(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<SignatureKey>().OrderBy(key => key.SignatureScheme).ToListAsync();
    }

    private static async Task<List<string>> PublicKeysAsync(Service service) =>
        [
            .. (await service.Get<SignatureKeys>().ExternalSendersAsync(Did, CancellationToken.None)).Select(sender =>
                Convert.ToHexString(sender.SignatureKey)
            ),
        ];
}
