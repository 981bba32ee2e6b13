namespace MlsConsole.Mls;

/// <summary>When credentials are introduced to a member and so must be verified (RFC 9420 §5.3.1). What that means, the application says.</summary>
internal static class CredentialChecks
{
    /// <summary>Everybody in a group that is joined.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CredentialRefused"/></exception>
    public static void Verify(Client client, PublicGroup joined)
    {
        if (client.VerifyCredential is null) return;
        foreach (var (_, leaf) in joined.Members) Require(client, leaf.Credential, leaf.SignatureKey, null);
        VerifyExternalSenders(client, joined.Context.Extensions, Extensions.None);
    }

    /// <summary>What a commit changes.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CredentialRefused"/></exception>
    public static void Verify(Client client, StagedCommit commit, PublicGroup before)
    {
        if (client.VerifyCredential is null) return;
        foreach (var (_, leaf) in commit.Added) Require(client, leaf.Credential, leaf.SignatureKey, null);
        foreach (var (_, old, leaf) in commit.Updated) VerifyReplaced(client, old, leaf);
        VerifyReplaced(client, commit.IsExternal ? null : before.Leaf(commit.Committer), commit.CommitterLeaf);
        VerifyExternalSenders(client, commit.Group.Context.Extensions, before.Context.Extensions);
    }

    /// <summary>external_senders that were not there before.</summary>
    /// <exception cref="MlsException"><see cref="Rules.CredentialRefused"/></exception>
    public static void VerifyExternalSenders(Client client, Extensions now, Extensions before)
    {
        if (client.VerifyCredential is null) return;
        var known = ExternalSender.Of(before);
        foreach (var sender in ExternalSender.Of(now))
            if (!known.Any(old => old.SignatureKey.Span.SequenceEqual(sender.SignatureKey.Span) && old.Credential.SameAs(sender.Credential)))
                Require(client, sender.Credential, sender.SignatureKey, null);
    }

    private static void VerifyReplaced(Client client, LeafNode? old, LeafNode leaf)
    {
        if (old is not null && old.SignatureKey.Span.SequenceEqual(leaf.SignatureKey.Span) && old.Credential.SameAs(leaf.Credential)) return;
        Require(client, leaf.Credential, leaf.SignatureKey, old?.Credential);
    }

    private static void Require(Client client, Credential credential, ReadOnlyMemory<byte> key, Credential? before) =>
        MlsException.Require(client.VerifyCredential!(credential, key, before), Rules.CredentialRefused);
}
