namespace MlsConsole.Mls;

/// <summary>
/// The checks that the RFC demands and leaves to the application: which credentials are acceptable (RFC 9420 §5.3.1),
/// and how long a leaf node may be valid (RFC 9420 §7.2).
/// </summary>
/// <remarks>
/// They are made of every member, leaf node and external sender that a message introduces to this client.
/// </remarks>
internal static class ApplicationChecks
{
    /// <summary>Checks all members of a group that the client joins.</summary>
    /// <exception cref="MlsException">
    /// <see cref="Rules.CredentialRefused"/>, <see cref="Rules.LeafTotalLifetime"/>
    /// </exception>
    public static void Verify(Client client, PublicGroup joined)
    {
        foreach (var (_, leaf) in joined.Members)
            Require(client, leaf, null);
        VerifyExternalSenders(client, joined.Context.Extensions, Extensions.None);
    }

    /// <summary>Checks the leaf nodes and external senders that a proposal would bring into the group.</summary>
    /// <exception cref="MlsException">
    /// <see cref="Rules.CredentialRefused"/>, <see cref="Rules.LeafTotalLifetime"/>
    /// </exception>
    public static void Verify(Client client, Proposal proposal, Sender sender, PublicGroup group)
    {
        if (proposal is AddProposal add)
            Require(client, add.KeyPackage.LeafNode, null);
        else if (proposal is UpdateProposal update)
            RequireReplaced(client, group.Leaf(new(sender.Index)), update.LeafNode);
        else if (proposal is GroupContextExtensionsProposal context)
            VerifyExternalSenders(client, context.Extensions, group.Context.Extensions);
    }

    /// <summary>Checks the leaf nodes and external senders that a commit brings into the group.</summary>
    /// <exception cref="MlsException">
    /// <see cref="Rules.CredentialRefused"/>, <see cref="Rules.LeafTotalLifetime"/>
    /// </exception>
    public static void Verify(Client client, StagedCommit commit, PublicGroup before)
    {
        foreach (var (_, leaf) in commit.Added)
            Require(client, leaf, null);
        foreach (var (_, old, leaf) in commit.Updated)
            RequireReplaced(client, old, leaf);
        // RFC 9420 §12.2: a joiner that removes a leaf must be acceptable as the successor of that leaf's member.
        var replaced = commit.IsExternal
            ? commit
                .Proposals.Select(item => item.Proposal)
                .OfType<RemoveProposal>()
                .Select(remove => before.Leaf(remove.Removed))
                .FirstOrDefault()
            : before.Leaf(commit.Committer);
        RequireReplaced(client, replaced, commit.CommitterLeaf);
        VerifyExternalSenders(client, commit.Group.Context.Extensions, before.Context.Extensions);
    }

    /// <summary>Checks those external senders that the extensions before did not list.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CredentialRefused"/></exception>
    public static void VerifyExternalSenders(Client client, Extensions now, Extensions before)
    {
        if (client.VerifyCredential is not { } accepts)
            return;
        var known = ExternalSender.Of(before);
        foreach (var sender in ExternalSender.Of(now))
            if (
                !known.Any(old =>
                    old.SignatureKey.Span.SequenceEqual(sender.SignatureKey.Span)
                    && old.Credential.SameAs(sender.Credential)
                )
            )
                MlsException.Require(accepts(sender.Credential, sender.SignatureKey, null), Rules.CredentialRefused);
    }

    private static void RequireReplaced(Client client, LeafNode? old, LeafNode leaf)
    {
        if (
            old is not null
            && old.SignatureKey.Span.SequenceEqual(leaf.SignatureKey.Span)
            && old.Credential.SameAs(leaf.Credential)
        )
            return;
        Require(client, leaf, old?.Credential);
    }

    private static void Require(Client client, LeafNode leaf, Credential? before)
    {
        MlsException.Require(
            client.MaxLifetime is not { } max
                || leaf.Lifetime is not { } lifetime
                || lifetime.Total <= (ulong)max.TotalSeconds,
            Rules.LeafTotalLifetime
        );
        MlsException.Require(
            client.VerifyCredential is not { } accepts || accepts(leaf.Credential, leaf.SignatureKey, before),
            Rules.CredentialRefused
        );
    }
}
