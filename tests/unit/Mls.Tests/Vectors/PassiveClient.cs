using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// The format of the passive-client vectors: a member joins by a Welcome and processes every proposal and commit.
/// Beside it, an observer who sees only what is public follows as far as it can.
/// </summary>
internal static class PassiveClient
{
    /// <summary>Runs one case.</summary>
    /// <remarks>
    /// Beside the published keys an epoch may have <c>group_info_after</c>, the GroupInfo of the epoch that its commit
    /// begins. The states of the member and of the observer must agree with it.
    /// </remarks>
    public static PublicCommits Check(CipherSuite suite, JsonElement test)
    {
        using var psks = new PreSharedKeys();
        foreach (var psk in test.GetProperty("external_psks").EnumerateArray())
            psks.Add(psk.Hex("psk_id"), psk.Hex("psk"));
        using var client = ClientOf(suite, test, out var package);
        using var group = Group.JoinByWelcome(
            client,
            package,
            MlsMessage.Decode(test.Hex("welcome")).Welcome!,
            test.HexOrNull("ratchet_tree"),
            psks
        );
        Assert.Equal(test.Hex("initial_epoch_authenticator"), group.EpochAuthenticator);

        var observer = new Observer(PublicGroup.Restore(group.PublicGroup.Snapshot()));
        foreach (var epoch in test.GetProperty("epochs").EnumerateArray())
        {
            var proposals = epoch.GetProperty("proposals").EnumerateArray().Select(proposal => proposal.Hex()).ToList();
            var commit = epoch.Hex("commit");
            foreach (var proposal in proposals)
                Assert.IsType<ReceivedProposal>(group.Receive(proposal));
            Assert.False(Assert.IsType<ReceivedCommit>(group.Receive(commit)).RemovedMe, "the client was removed");
            Assert.Equal(epoch.Hex("epoch_authenticator"), group.EpochAuthenticator);
            observer.Follow(proposals.ConvertAll(bytes => MlsMessage.Decode(bytes)), MlsMessage.Decode(commit));
            if (epoch.HexOrNull("group_info_after") is { } info)
                observer.Agree(UnverifiedGroupInfo.Decode(info), group);
            observer.AgreeWith(group);
        }
        return observer.Saw;
    }

    private static Client ClientOf(CipherSuite suite, JsonElement test, out OwnKeyPackage own)
    {
        var package = MlsMessage.Decode(test.Hex("key_package")).KeyPackage!.Verify(now: null);
        var leaf = package.LeafNode;
        own = new(
            package,
            new(package.InitKey.ToArray(), test.Hex("init_priv")),
            new(leaf.EncryptionKey.ToArray(), test.Hex("encryption_priv"))
        );
        return new(
            suite.Id,
            leaf.Credential,
            new SecretKeyPair(leaf.SignatureKey.ToArray(), test.Hex("signature_priv")),
            leaf.Capabilities
        );
    }

    /// <summary>
    /// Sees PublicMessages and GroupInfos. It cannot follow a commit that is encrypted to the members, and goes on from
    /// the next GroupInfo.
    /// </summary>
    private sealed class Observer(PublicGroup start)
    {
        private PublicGroup? _group = start;

        public PublicCommits Saw { get; private set; }

        public void Follow(IReadOnlyList<MlsMessage> proposals, MlsMessage message)
        {
            if (_group is null)
                return;
            if (message.PublicMessage is not { } commit || proposals.Any(proposal => proposal.PublicMessage is null))
            {
                _group = null;
                return;
            }
            var staged = _group.Stage(
                _group.Authenticate(commit),
                [.. proposals.Select(proposal => _group.Authenticate(proposal.PublicMessage!))],
                now: null
            );
            // Through bytes, as a service keeps it between two commits.
            _group = PublicGroup.Restore(staged.Follow().Snapshot());
            Saw = Saw with { Followed = Saw.Followed + 1, External = Saw.External + (staged.IsExternal ? 1 : 0) };
        }

        public void Agree(UnverifiedGroupInfo info, Group member)
        {
            // A stranger finds the same group in it.
            var opened = PublicGroup.FromGroupInfo(
                info,
                info.RatchetTree is null ? member.PublicGroup.EncodeRatchetTree() : default(ReadOnlyMemory<byte>?)
            );
            _group ??= opened;
            Same(_group, opened);
            Same(member.PublicGroup, opened);
            if (info.ExternalPublicKey is { } external)
            {
                _group.VerifyGroupInfo(info, null);
                Assert.Equal(
                    UnverifiedGroupInfo
                        .Decode(member.CreateGroupInfo(includeTree: false))
                        .ExternalPublicKey!.Value.ToArray(),
                    external.ToArray()
                );
            }
            Saw = Saw with { GroupInfos = Saw.GroupInfos + 1 };
        }

        public void AgreeWith(Group member)
        {
            if (_group is not null)
                Same(member.PublicGroup, _group);
        }

        private static void Same(PublicGroup expected, PublicGroup actual)
        {
            Assert.Equal(expected.TreeHash.ToArray(), actual.TreeHash.ToArray());
            Assert.Equal(expected.Context.Encoded.ToArray(), actual.Context.Encoded.ToArray());
            Assert.Equal(expected.ConfirmationTag.ToArray(), actual.ConfirmationTag.ToArray());
        }
    }
}
