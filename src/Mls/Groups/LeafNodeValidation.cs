namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>The signature of a leaf node does not verify.</summary>
    public static readonly Rule LeafSignature = new(
        "leaf.signature",
        "§7.3",
        "The signature of a LeafNode verifies with its signature key."
    );

    /// <summary>A key of a leaf node is malformed.</summary>
    public static readonly Rule LeafKeys = new(
        "leaf.keys",
        "§7.3",
        "The encryption and signature keys of a LeafNode are well-formed for the cipher suite."
    );

    /// <summary>The signature key of a leaf node is not that of its certificate.</summary>
    public static readonly Rule LeafX509Key = new(
        "leaf.x509-key",
        "§5.3",
        "The first certificate of an x509 credential is of the LeafNode's signature key."
    );

    /// <summary>A leaf node has an extension or credential type that its capabilities do not list.</summary>
    public static readonly Rule LeafCapabilities = new(
        "leaf.capabilities",
        "§7.2",
        "A LeafNode's capabilities list its own extensions and credential type."
    );

    /// <summary>A leaf node does not support the required capabilities of the group.</summary>
    public static readonly Rule LeafRequiredCapabilities = new(
        "leaf.required-capabilities",
        "§7.3",
        "A LeafNode supports what the group's required_capabilities demand."
    );

    /// <summary>A member does not support the credential type of another one.</summary>
    public static readonly Rule LeafCredentialSupport = new(
        "leaf.credential-support",
        "§7.3",
        "Every member supports the credential type of every other member."
    );

    /// <summary>A leaf node has the wrong leaf_node_source.</summary>
    public static readonly Rule LeafSource = new(
        "leaf.source",
        "§7.3",
        "The source of a LeafNode is that of the message which carries it."
    );

    /// <summary>The lifetime of a leaf node is longer than the application allows.</summary>
    public static readonly Rule LeafTotalLifetime = new(
        "leaf.total-lifetime",
        "§7.2",
        "The lifetime of a LeafNode is not longer than the application allows."
    );

    /// <summary>A leaf node does not support an extension of the GroupContext.</summary>
    public static readonly Rule LeafGroupExtensions = new(
        "leaf.group-extensions",
        "§13.4",
        "A member supports every extension of the GroupContext."
    );
}

/// <summary>The checks of one leaf node, RFC 9420 §7.3.</summary>
internal static class LeafNodeValidation
{
    /// <summary>Checks the signature and the keys, and that the leaf node is consistent in itself.</summary>
    public static void Verify(LeafNode leaf, CipherSuite suite, ReadOnlySpan<byte> groupId, LeafIndex index)
    {
        VerifyContent(leaf, suite);
        MlsException.Require(leaf.VerifySignature(suite, groupId, index), Rules.LeafSignature);
    }

    private static void VerifyContent(LeafNode leaf, CipherSuite suite)
    {
        MlsException.Require(
            suite.IsWellFormedKemPublicKey(leaf.EncryptionKey.Span)
                && suite.IsWellFormedSignaturePublicKey(leaf.SignatureKey.Span),
            Rules.LeafKeys
        );
        leaf.Extensions.RequireAllowed(ExtensionPlace.LeafNode);
        foreach (var extension in leaf.Extensions.Items)
            MlsException.Require(leaf.Capabilities.SupportsExtension(extension.Type), Rules.LeafCapabilities);
        MlsException.Require(leaf.Capabilities.Credentials.Contains(leaf.Credential.Type), Rules.LeafCapabilities);
        if (leaf.Credential.Type == CredentialType.X509)
            MlsException.Require(X509Credentials.IsKeyOf(leaf.Credential, leaf.SignatureKey.Span), Rules.LeafX509Key);
    }

    /// <summary>
    /// Checks that a leaf node supports what the GroupContext demands of new leaves: the required capabilities
    /// (RFC 9420 §11.1) and the extensions of the GroupContext (RFC 9420 §13.4).
    /// </summary>
    public static void VerifyAgainst(Extensions groupExtensions, LeafNode leaf)
    {
        foreach (var extension in groupExtensions.Items)
            MlsException.Require(leaf.Capabilities.SupportsExtension(extension.Type), Rules.LeafGroupExtensions);
        if (RequiredCapabilities.Of(groupExtensions) is not { } required)
            return;
        for (int i = 0; i < required.Extensions.Count; i++)
            MlsException.Require(
                leaf.Capabilities.SupportsExtension(required.Extensions[i]),
                Rules.LeafRequiredCapabilities
            );
        for (int i = 0; i < required.Proposals.Count; i++)
            MlsException.Require(
                leaf.Capabilities.SupportsProposal(required.Proposals[i]),
                Rules.LeafRequiredCapabilities
            );
        for (int i = 0; i < required.Credentials.Count; i++)
            MlsException.Require(
                leaf.Capabilities.Credentials.Contains(required.Credentials[i]),
                Rules.LeafRequiredCapabilities
            );
    }

    /// <summary>Checks that all members together support what the GroupContext demands of them.</summary>
    public static void VerifyAgainst(Extensions groupExtensions, CapabilitySummary members)
    {
        foreach (var extension in groupExtensions.Items)
            MlsException.Require(members.AllSupportExtension(extension.Type), Rules.LeafGroupExtensions);
        foreach (ushort type in members.CredentialsUsed)
            MlsException.Require(members.AllSupportCredential(type), Rules.LeafCredentialSupport);
        if (RequiredCapabilities.Of(groupExtensions) is not { } required)
            return;
        MlsException.Require(
            Array.TrueForAll(required.Extensions.ToArray(), members.AllSupportExtension)
                && Array.TrueForAll(required.Proposals.ToArray(), members.AllSupportProposal)
                && Array.TrueForAll(required.Credentials.ToArray(), members.AllSupportCredential),
            Rules.LeafRequiredCapabilities
        );
    }
}
