using System.Security.Cryptography;
using MlsConsole.Core.Audit;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// Each refusal starts from an accepted control: the same commit without the one thing that is wrong.
/// </summary>
public class Refusing_external_commits
{
    /// <summary>One thing wrong, with the error and rule that must answer it.</summary>
    private sealed record Wrong(string Error, string? Rule, Func<Scene, CommitBuilder> Build)
    {
        public TestDevice? Joiner { get; init; }
    }

    private sealed record Scene(TestConvo Convo, TestDevice Alice, TestDevice Bob, TestDevice Tablet)
    {
        public LeafIndex BobsLeaf => Convo.Group.LeafOf(Bob.Client);

        /// <summary>
        /// Bob's phone comes back and removes its old leaf, with a new signature key: right in every respect.
        /// </summary>
        public CommitBuilder Control(TestClient joiner) => Convo.Group.ExternalCommit(joiner).Remove(BobsLeaf);
    }

    private static readonly TestClient s_stranger = new(1, "did:example:mallory#phone");

    private static Dictionary<string, Wrong> Cases(TestClient bob) =>
        new()
        {
            ["signature of another key"] = Invalid(
                Rules.FramingSignature,
                s => s.Control(bob).Spoil(c => c.SignedBy = s_stranger)
            ),
            ["spoilt signature"] = Invalid(
                Rules.FramingSignature,
                s => s.Control(bob).Spoil(c => c.SpoilSignature = true)
            ),
            ["another group"] = Invalid(Rules.FramingGroupId, s => s.Control(bob).Spoil(c => c.GroupId = [1, 2, 3])),
            ["confirmation tag too short"] = Invalid(
                Rules.FramingConfirmationTag,
                s => s.Control(bob).Spoil(c => c.ConfirmationTagLength = -1)
            ),
            ["confirmation tag too long"] = Invalid(
                Rules.FramingConfirmationTag,
                s => s.Control(bob).Spoil(c => c.ConfirmationTagLength = 1)
            ),
            ["sent as a member"] = Invalid(
                DeliveryRules.NotAnExternalCommit,
                s => s.Control(bob).Spoil(c => c.Sender = new(SenderType.Member, 0))
            ),
            ["leaf of another account"] = new(
                "WrongUser",
                null,
                s => s.Convo.Group.ExternalCommit(s.Alice.Client.Reinstalled())
            ),
            ["leaf of an account with the caller's as prefix"] = new(
                "WrongUser",
                null,
                s => s.Convo.Group.ExternalCommit(bob.As("did:example:bobby#phone"))
            ),
            ["key that is not enrolled"] = new(
                "WrongUser",
                null,
                s => s.Convo.Group.ExternalCommit(s.Bob.Client.Reinstalled()).Remove(s.BobsLeaf)
            ),
            ["remove of a stranger"] = Invalid(
                DeliveryRules.RemoveOfStranger,
                s => s.Convo.Group.ExternalCommit(s.Tablet.Client).Remove(s.Convo.Group.LeafOf(s.Alice.Client))
            ),
            ["no remove while the device has a leaf"] = new("GhostLeaf", null, s => s.Convo.Group.ExternalCommit(bob)),
            ["second remove"] = Invalid(
                Rules.ExternalCommitSecondRemove,
                s => s.Control(bob).Remove(s.Convo.Group.LeafOf(s.Alice.Client))
            ),
            ["remove of a blank leaf"] = Invalid(
                Rules.ProposalRemoveBlank,
                s => s.Convo.Group.ExternalCommit(s.Tablet.Client).Remove(new(7))
            ),
            ["proposal by reference"] = Invalid(
                Rules.ExternalCommitByReference,
                s => s.Control(bob).Reference(s.Convo.Group.Propose(s.Alice.Client, new RemoveProposal(s.BobsLeaf)))
            ),
            ["an add"] = Invalid(Rules.ExternalCommitProposal, s => s.Control(bob).Add(s_stranger)),
            ["an update"] = Invalid(
                Rules.ExternalCommitProposal,
                s => s.Control(bob).With(s.Convo.Group.UpdateOf(s.Alice.Client))
            ),
            ["group context extensions"] = Invalid(
                Rules.ExternalCommitProposal,
                s => s.Control(bob).With(new GroupContextExtensionsProposal(Extensions.None))
            ),
            ["reinit"] = Invalid(
                Rules.ExternalCommitProposal,
                s => s.Control(bob).With(new ReInitProposal(new byte[16], 1, 1, Extensions.None))
            ),
            ["self-remove by value"] = Invalid(
                Rules.ProposalSelfRemove,
                s => s.Control(bob).With(new SelfRemoveProposal())
            ),
            ["no external init"] = Invalid(
                Rules.ExternalCommitExternalInit,
                s => s.Control(bob).Spoil(c => c.OmitExternalInit = true)
            ),
            ["second external init"] = Invalid(
                Rules.ExternalCommitExternalInit,
                s => s.Control(bob).With(new ExternalInitProposal(new byte[32]))
            ),
            ["KEM output too short"] = Invalid(
                Rules.ExternalCommitExternalInit,
                s => s.Control(bob).Spoil(c => c.KemOutput = new byte[31])
            ),
            ["same pre-shared key twice"] = Invalid(
                Rules.CommitPreSharedKeyDuplicate,
                s => s.Control(bob).With(Psk()).With(Psk())
            ),
            ["pre-shared key nonce too short"] = Invalid(
                Rules.ProposalPreSharedKey,
                s => s.Control(bob).With(new PreSharedKeyProposal(PreSharedKeyId.External(new byte[4], new byte[31])))
            ),
            ["no path"] = Invalid(Rules.ExternalCommitPathMissing, s => s.Control(bob).Spoil(c => c.OmitPath = true)),
            ["path too short"] = Invalid(Rules.PathLength, s => s.Control(bob).Spoil(c => c.PathNodes = -1)),
            ["path too long"] = Invalid(Rules.PathLength, s => s.Control(bob).Spoil(c => c.PathNodes = 1)),
            ["a ciphertext too few"] = Invalid(
                Rules.PathCiphertexts,
                s => s.Control(bob).Spoil(c => c.PathCiphertexts = -1)
            ),
            ["a ciphertext too many"] = Invalid(
                Rules.PathCiphertexts,
                s => s.Control(bob).Spoil(c => c.PathCiphertexts = 1)
            ),
            ["ciphertext of the wrong length"] = Invalid(
                Rules.PathCiphertexts,
                s => s.Control(bob).Spoil(c => c.CiphertextLength = 1)
            ),
            ["path key of the tree"] = Invalid(
                Rules.PathKeyReused,
                s =>
                    s.Control(bob)
                        .Spoil(c =>
                            c.FirstPathKey = s
                                .Convo.Group.Group.Leaf(s.Convo.Group.LeafOf(s.Alice.Client))!
                                .EncryptionKey.ToArray()
                        )
            ),
            ["path key of low order"] = Invalid(
                Rules.PathKey,
                s => s.Control(bob).Spoil(c => c.FirstPathKey = new byte[32])
            ),
            ["leaf key of the tree"] = Invalid(
                Rules.PathKeyReused,
                s =>
                    s.Control(bob)
                        .Spoil(c =>
                            c.LeafEncryptionKey = s
                                .Convo.Group.Group.Leaf(s.Convo.Group.LeafOf(s.Alice.Client))!
                                .EncryptionKey.ToArray()
                        )
            ),
            ["leaf key of low order"] = Invalid(
                Rules.LeafKeys,
                s => s.Control(bob).Spoil(c => c.LeafEncryptionKey = new byte[32])
            ),
            ["bad parent hash"] = Invalid(
                Rules.PathParentHash,
                s => s.Control(bob).Spoil(c => c.SpoilParentHash = true)
            ),
            ["leaf signed by another key"] = Invalid(
                Rules.LeafSignature,
                s => s.Control(bob).Spoil(c => c.LeafSignedBy = s_stranger)
            ),
            ["leaf source update"] = Invalid(
                Rules.LeafSource,
                s => s.Control(bob).Spoil(c => c.LeafSource = LeafNodeSource.Update)
            ),
            ["leaf source key package"] = Invalid(
                Rules.LeafSource,
                s => s.Control(bob).Spoil(c => c.LeafSource = LeafNodeSource.KeyPackage)
            ),
            ["credential type not in the capabilities"] = Invalid(
                Rules.LeafCapabilities,
                s =>
                    s.Control(bob)
                        .Spoil(c =>
                            c.Capabilities = TestClient.DefaultCapabilities with
                            {
                                Credentials = new(CredentialType.X509),
                            }
                        )
            ),
            ["GroupInfo of another epoch"] = InvalidInfo(
                Rules.GroupInfoEpoch,
                s => s.Control(bob).Spoil(c => c.GroupInfoEpoch = s.Convo.Group.Group.Epoch)
            ),
            ["GroupInfo of another tree"] = InvalidInfo(
                Rules.GroupInfoTreeHash,
                s => s.Control(bob).Spoil(c => c.GroupInfoTreeHash = RandomNumberGenerator.GetBytes(32))
            ),
            ["GroupInfo of another transcript"] = InvalidInfo(
                Rules.GroupInfoContext,
                s => s.Control(bob).Spoil(c => c.GroupInfoTranscriptHash = RandomNumberGenerator.GetBytes(32))
            ),
            ["GroupInfo signed by another member"] = InvalidInfo(
                Rules.GroupInfoSigner,
                s =>
                    s.Control(bob)
                        .Spoil(c =>
                        {
                            c.GroupInfoSignedBy = s.Alice.Client;
                            c.GroupInfoSigner = s.Convo.Group.LeafOf(s.Alice.Client);
                        })
            ),
            ["GroupInfo signed by another key"] = InvalidInfo(
                Rules.GroupInfoSignature,
                s => s.Control(bob).Spoil(c => c.GroupInfoSignedBy = s_stranger)
            ),
            ["GroupInfo with another confirmation tag"] = InvalidInfo(
                Rules.GroupInfoConfirmationTag,
                s => s.Control(bob).Spoil(c => c.GroupInfoConfirmationTag = RandomNumberGenerator.GetBytes(32))
            ),
            ["GroupInfo without external_pub"] = InvalidInfo(
                Rules.GroupInfoExternalPub,
                s => s.Control(bob).Spoil(c => c.OmitExternalPub = true)
            ),
            ["GroupInfo with an external_pub of low order"] = InvalidInfo(
                Rules.GroupInfoExternalPub,
                s => s.Control(bob).Spoil(c => c.ExternalPub = new byte[32])
            ),
            ["GroupInfo with another tree inside"] = InvalidInfo(
                Rules.GroupInfoRatchetTree,
                s => s.Control(bob).Spoil(c => c.GroupInfoTree = s.Convo.Group.RatchetTree)
            ),
        };

    private static Wrong Invalid(Rule rule, Func<Scene, CommitBuilder> build) => new("InvalidCommit", rule.Id, build);

    private static Wrong InvalidInfo(Rule rule, Func<Scene, CommitBuilder> build) =>
        new("InvalidGroupInfo", rule.Id, build);

    private static readonly PreSharedKeyProposal s_psk = new(PreSharedKeyId.External(new byte[4], new byte[32]));

    private static PreSharedKeyProposal Psk() => s_psk;

    public static TheoryData<string> Names => [.. Cases(s_stranger).Keys];

    [Theory, MemberData(nameof(Names))]
    public async Task Refused_with_its_rule_and_without_effect(string name)
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var reinstalled = bob.With(bob.Client.Reinstalled());
        await service.RegisterAsync(bob.Did, bob.DeviceId, reinstalled.Client);
        var scene = new Scene(convo, alice, bob, tablet);
        string before = await service.StateAsync();

        var wrong = Cases(reinstalled.Client)[name];
        var refused = await Assert.ThrowsAsync<RefusedException>(() =>
            service.JoinAsync(convo, reinstalled, wrong.Build(scene).Build())
        );
        Assert.Equal((wrong.Error, wrong.Rule), (refused.Refusal.Error, refused.Refusal.Rule));
        Assert.Equal(before, await service.StateAsync());
        var entry = (await service.Get<AuditLog>().LatestAsync(1, CancellationToken.None))[0];
        Assert.Equal(("processExternalCommit", wrong.Error, convo.Id), (entry.Action, entry.Outcome, entry.Subject));

        // The control: nothing wrong, accepted.
        var control = scene.Control(reinstalled.Client).Build();
        var result = await service.JoinAsync(convo, reinstalled, control);
        Assert.Equal(convo.Group.Group.Epoch + 1, result.Epoch);
    }

    [Fact]
    public async Task A_commit_for_another_epoch_is_told_the_current_one()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var tablet = await service.EnrolAsync(bob.Did, "tablet");
        var late = convo.Group.ExternalCommit(tablet.Client).Build();
        var resync = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        await service.JoinAsync(convo, bob, resync);
        string before = await service.StateAsync();

        var stale = (await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(convo, tablet, late))).Refusal;
        Assert.Equal(("EpochMismatch", 2ul, "stale"), (stale.Error, stale.CurrentEpoch, stale.Mismatch));
        var impossible = resync.After!.ExternalCommit(tablet.Client).Spoil(c => c.Epoch = 9).Build();
        var ahead = (
            await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(convo, tablet, impossible))
        ).Refusal;
        Assert.Equal(("EpochMismatch", 2ul, "ahead"), (ahead.Error, ahead.CurrentEpoch, ahead.Mismatch));
        Assert.Equal(before, await service.StateAsync());
    }

    [Fact]
    public async Task Truncated_and_lengthened_bytes_are_refused_at_every_place()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var good = convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build();
        string before = await service.StateAsync();
        foreach (var (bytes, isCommit) in new[] { (good.Commit, true), (good.GroupInfo, false) })
        {
            for (int length = 0; length < bytes.Length; length++)
                await Refused(
                    isCommit ? good with { Commit = bytes[..length] } : good with { GroupInfo = bytes[..length] }
                );
            await Refused(isCommit ? good with { Commit = [.. bytes, 0] } : good with { GroupInfo = [.. bytes, 0] });
        }
        Assert.Equal(before, await service.StateAsync());
        await service.JoinAsync(convo, bob, good);

        async Task Refused(BuiltCommit commit)
        {
            var refused = await Assert.ThrowsAsync<RefusedException>(() => service.JoinAsync(convo, bob, commit));
            Assert.Contains(refused.Refusal.Error, (string[])["InvalidCommit", "InvalidGroupInfo"]);
        }
    }
}
