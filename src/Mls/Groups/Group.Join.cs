using System.Security.Cryptography;

namespace MlsConsole.Mls;

public sealed partial class Group
{
    /// <summary>Joins by Welcome (RFC 9420 §12.4.3.1).</summary>
    /// <param name="client">The client that the key package is of; the group uses it until it is disposed.</param>
    /// <param name="keyPackage">The key package that the Welcome is for.</param>
    /// <param name="welcome">The Welcome.</param>
    /// <param name="ratchetTree">The tree, unless the Welcome has it inside.</param>
    /// <param name="preSharedKeys">External keys that the application knows.</param>
    /// <param name="parent">The group that this one was reinitialised or branched from, for its resumption PSK.</param>
    /// <exception cref="MlsException">The rule that the Welcome breaks.</exception>
    public static Group JoinByWelcome(
        Client client,
        OwnKeyPackage keyPackage,
        Welcome welcome,
        ReadOnlyMemory<byte>? ratchetTree = null,
        PreSharedKeys? preSharedKeys = null,
        Group? parent = null
    )
    {
        var suite = client.Suite;
        MlsException.Require(keyPackage.KeyPackage.CipherSuite == welcome.CipherSuite, Rules.WelcomeRecipient);
        using var groupSecrets = WelcomeSecrets.OpenGroupSecrets(
            suite,
            welcome,
            keyPackage.KeyPackage.Reference.Span,
            keyPackage.Init.PrivateKey
        );
        RequirePreSharedKeyIds(suite, groupSecrets.PreSharedKeys);
        using var noKeys = new PreSharedKeys();
        using var noResumption = new ResumptionKeys();
        var pskSecret = PskSecret(
            suite,
            groupSecrets.PreSharedKeys,
            preSharedKeys ?? noKeys,
            parent?._resumption ?? noResumption
        );
        var groupInfo = WelcomeSecrets.OpenGroupInfo(suite, welcome, groupSecrets.JoinerSecret.Span, pskSecret);
        MlsException.Require(
            groupInfo.GroupContext.CipherSuite == keyPackage.KeyPackage.CipherSuite,
            Rules.WelcomeCipherSuite
        );
        var group = PublicGroup.FromGroupInfo(groupInfo, ratchetTree, client.DegreeOfParallelism);
        MlsException.Require(client.HasGroup?.Invoke(group.GroupId) != true, Rules.WelcomeGroupId);
        RequireSuccession(groupSecrets.PreSharedKeys, group, parent);
        ApplicationChecks.Verify(client, group);

        LeafIndex? own = null;
        foreach (var (index, leaf) in group.Members)
            if (leaf.Encoded.Span.SequenceEqual(keyPackage.KeyPackage.LeafNode.Encoded.Span))
                own = index;
        if (own is not { } place)
            throw new MlsException(Rules.WelcomeLeaf);
        var keys = new PrivateKeys(place);
        keys.Set(place.Node, keyPackage.Encryption.PublicKey, keyPackage.Encryption.PrivateKey);
        if (groupSecrets.PathSecret is { } pathSecret)
        {
            // The lowest common ancestor with the signer and the nodes of the signer's path above it.
            var signer = groupInfo.Signer;
            var shared = group
                .Tree.FilteredDirectPath(signer)
                .Where(step => step.Level >= 1 && place.Value >> step.Level == signer.Value >> step.Level)
                .Select(step => (step.Index(signer), step.Parent.IsBlank ? default : step.Parent.EncryptionKey));
            CryptographicOperations.ZeroMemory(keys.SetPath(suite, shared, pathSecret.ToArray()));
        }
        var secrets = EpochSecrets.FromJoiner(suite, groupSecrets.JoinerSecret.ToArray(), pskSecret, group.Context);
        CryptographicOperations.ZeroMemory(pskSecret);
        RequireConfirmationTag(group, secrets);
        return new(client, preSharedKeys, Epoch.Begin(group, secrets, keys));
    }

    /// <summary>Builds an external commit (RFC 9420 §12.4.3.2): joins, or comes back and removes the old leaf in the same step.</summary>
    /// <param name="client">The client that joins; the group uses it until it is disposed.</param>
    /// <param name="groupInfo">Of the current epoch, with an external_pub.</param>
    /// <param name="ratchetTree">The tree, unless the GroupInfo has it inside.</param>
    /// <param name="remove">The client's old leaf, to resync.</param>
    /// <param name="preSharedKeys">External keys that the application knows.</param>
    /// <param name="treeInGroupInfo">See <see cref="CommitOptions.TreeInGroupInfo"/>: a large tree takes longer to sign than all the rest of the commit.</param>
    /// <returns>The group as it will be, with the commit pending: send it, then <see cref="MergePendingCommit"/>; dispose the group if it was refused.</returns>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    public static Group JoinByExternalCommit(
        Client client,
        UnverifiedGroupInfo groupInfo,
        ReadOnlyMemory<byte>? ratchetTree = null,
        LeafIndex? remove = null,
        PreSharedKeys? preSharedKeys = null,
        bool treeInGroupInfo = true
    ) =>
        JoinByExternalCommit(
            client,
            groupInfo,
            PublicGroup.FromGroupInfo(groupInfo, ratchetTree, client.DegreeOfParallelism),
            remove,
            preSharedKeys,
            treeInGroupInfo
        );

    /// <summary>Builds an external commit to a group that was verified before, so that the caller could look at it.</summary>
    /// <param name="client">The client that joins; the group uses it until it is disposed.</param>
    /// <param name="groupInfo">Of the current epoch, with an external_pub.</param>
    /// <param name="before">What <see cref="PublicGroup.FromGroupInfo"/> made of it.</param>
    /// <param name="remove">The client's old leaf, to resync.</param>
    /// <param name="preSharedKeys">External keys that the application knows.</param>
    /// <param name="treeInGroupInfo">See <see cref="CommitOptions.TreeInGroupInfo"/>.</param>
    /// <param name="selfRemoves">SelfRemoves that wait in the epoch, to be carried out (draft-ietf-mls-extensions). Their signatures are verified; their membership tags only members can verify.</param>
    /// <exception cref="MlsException">The rule that the GroupInfo breaks.</exception>
    /// <exception cref="ArgumentException"><paramref name="before"/> was made of another GroupInfo.</exception>
    public static Group JoinByExternalCommit(
        Client client,
        UnverifiedGroupInfo groupInfo,
        PublicGroup before,
        LeafIndex? remove,
        PreSharedKeys? preSharedKeys,
        bool treeInGroupInfo = true,
        IReadOnlyList<PublicMessage>? selfRemoves = null
    )
    {
        var suite = client.Suite;
        if (!before.Context.Encoded.Span.SequenceEqual(groupInfo.GroupContext.Encoded.Span))
            throw new ArgumentException("The group was not made of this GroupInfo.", nameof(before));
        MlsException.Require(before.Suite == suite, Rules.WelcomeCipherSuite);
        before.RequireExternalPub(groupInfo);
        ApplicationChecks.Verify(client, before);
        var (kemOutput, init) = suite.ExportSend(
            groupInfo.ExternalPublicKey!.Value.Span,
            EpochSecrets.ExternalInitLabel,
            suite.HashLength
        );
        var proposals = new List<ProposalOrReference> { new(new ExternalInitProposal(kemOutput), default) };
        if (remove is { } old)
            proposals.Add(new(new RemoveProposal(old), default));
        AuthenticatedContent[] leaving = [.. (selfRemoves ?? []).Select(before.Authenticate)];
        proposals.AddRange(leaving.Select(item => new ProposalOrReference(null, item.ProposalReference(suite))));

        var builder = new CommitBuilder(client, before, proposals, leaving, new(SenderType.NewMemberCommit, 0), null);
        using var built = builder.Build(withPath: true);
        var secrets = built.Secrets(init, new byte[suite.HashLength]);
        CryptographicOperations.ZeroMemory(init);
        var (message, after) = built.Finish(secrets, WireFormat.PublicMessage, null);
        var epoch = Epoch.Begin(after, secrets, built.TakeKeys());
        var info = GroupInfo(client, after, secrets, epoch.Own, treeInGroupInfo, externalPub: true);
        return new(client, preSharedKeys, epoch) { _pending = new(message, null, info, epoch) };
    }

    /// <summary>§8.4, §12.2: a commit whose pre-shared keys have nonces of another length, or that names one twice, is invalid; so is its Welcome.</summary>
    private static void RequirePreSharedKeyIds(CipherSuite suite, IReadOnlyList<PreSharedKeyId> ids)
    {
        var seen = new HashSet<ReadOnlyMemory<byte>>(PublicKeySet.BytesComparer.Instance);
        foreach (var id in ids)
            MlsException.Require(
                id.Nonce.Length == suite.HashLength && seen.Add(id.Encode()),
                Rules.WelcomePreSharedKey
            );
    }

    private static void RequireConfirmationTag(PublicGroup group, EpochSecrets secrets)
    {
        var expected = secrets.ConfirmationTag(group.Suite, group.Context.ConfirmedTranscriptHash.Span);
        MlsException.Require(
            CryptographicOperations.FixedTimeEquals(expected, group.ConfirmationTag.Span),
            Rules.ConfirmationTag
        );
    }
}
