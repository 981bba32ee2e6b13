using System.Security.Cryptography;

namespace MlsConsole.Mls;

public sealed partial class Group
{
    /// <summary>Joins a group by a Welcome (RFC 9420 §12.4.3.1).</summary>
    /// <param name="client">
    /// The client that the key package belongs to. The group uses the client until the group is disposed.
    /// </param>
    /// <param name="keyPackage">The key package for which the Welcome was made.</param>
    /// <param name="welcome">The Welcome.</param>
    /// <param name="ratchetTree">The ratchet tree, unless it is an extension in the GroupInfo of the Welcome.</param>
    /// <param name="preSharedKeys">The external pre-shared keys that the application knows.</param>
    /// <param name="parent">
    /// The group from which this one was reinitialised or branched, whose resumption PSK is needed.
    /// </param>
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
            SetSharedPath(keys, group, groupInfo.Signer, pathSecret.Span);
        var secrets = EpochSecrets.FromJoiner(suite, groupSecrets.JoinerSecret.ToArray(), pskSecret, group.Context);
        CryptographicOperations.ZeroMemory(pskSecret);
        RequireConfirmationTag(group, secrets);
        return new(client, preSharedKeys, Epoch.Begin(group, secrets, keys));
    }

    /// <summary>
    /// Derives the private keys of the nodes that a new member has above it in common with the signer
    /// (RFC 9420 §12.4.3.1). The path secret is that of the lowest of these nodes, and gives the keys of those above
    /// it on the signer's filtered direct path as well.
    /// </summary>
    private static void SetSharedPath(
        PrivateKeys keys,
        PublicGroup group,
        LeafIndex signer,
        ReadOnlySpan<byte> pathSecret
    )
    {
        var shared = group
            .Tree.FilteredDirectPath(signer)
            .Where(step => step.Level >= 1 && keys.Own.Value >> step.Level == signer.Value >> step.Level)
            .Select(step => (step.Index(signer), step.Parent.IsBlank ? default : step.Parent.EncryptionKey));
        CryptographicOperations.ZeroMemory(keys.SetPath(group.Suite, shared, pathSecret.ToArray()));
    }

    /// <summary>Makes an external commit (RFC 9420 §12.4.3.2) by which a client joins a group.</summary>
    /// <remarks>
    /// A client that is a member already, and has lost its state, comes back by it and removes its old leaf.
    /// </remarks>
    /// <param name="client">The client that joins. The group uses the client until the group is disposed.</param>
    /// <param name="groupInfo">A GroupInfo of the current epoch with an external_pub.</param>
    /// <param name="ratchetTree">The ratchet tree, unless it is an extension in the GroupInfo.</param>
    /// <param name="remove">The old leaf of a client that comes back (RFC 9420 §12.4.3.2, resync), or null.</param>
    /// <param name="preSharedKeys">The external pre-shared keys that the application knows.</param>
    /// <param name="treeInGroupInfo">
    /// See <see cref="CommitOptions.TreeInGroupInfo"/>. In a large group, signing a GroupInfo with the tree inside
    /// takes longer than everything else in making the commit.
    /// </param>
    /// <returns>
    /// The group as it will be after the commit, which is pending. Send the commit, then call
    /// <see cref="MergePendingCommit"/>; if it was refused, dispose the group.
    /// </returns>
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

    /// <summary>
    /// Makes an external commit to a group whose GroupInfo the caller has verified before, to look at the group.
    /// </summary>
    /// <param name="client">The client that joins. The group uses the client until the group is disposed.</param>
    /// <param name="groupInfo">A GroupInfo of the current epoch with an external_pub.</param>
    /// <param name="before">The group that <see cref="PublicGroup.FromGroupInfo"/> has made of the GroupInfo.</param>
    /// <param name="remove">The old leaf of a client that comes back (RFC 9420 §12.4.3.2, resync), or null.</param>
    /// <param name="preSharedKeys">The external pre-shared keys that the application knows.</param>
    /// <param name="treeInGroupInfo">See <see cref="CommitOptions.TreeInGroupInfo"/>.</param>
    /// <param name="selfRemoves">
    /// The SelfRemoves of the current epoch that the commit carries out (draft-ietf-mls-extensions). Their signatures
    /// are verified here; only members can verify their membership tags.
    /// </param>
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

    /// <summary>
    /// RFC 9420 §8.4, §12.2: a commit is invalid if the nonce of a pre-shared key has the wrong length, or if the
    /// commit names a key twice. The Welcome that belongs to such a commit is invalid too.
    /// </summary>
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
