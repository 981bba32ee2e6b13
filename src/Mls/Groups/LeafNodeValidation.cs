namespace MlsConsole.Mls;

public static partial class Rules
{
    /// <summary>Bad leaf signature.</summary>
    public static readonly Rule LeafSignature = new(
        "leaf.signature",
        "§7.3",
        "The signature of a LeafNode verifies with its signature key."
    );

    /// <summary>Malformed keys.</summary>
    public static readonly Rule LeafKeys = new(
        "leaf.keys",
        "§7.3",
        "The encryption and signature keys of a LeafNode are well-formed for the cipher suite."
    );

    /// <summary>Another key than the certificate's.</summary>
    public static readonly Rule LeafX509Key = new(
        "leaf.x509-key",
        "§5.3",
        "The first certificate of an x509 credential is of the LeafNode's signature key."
    );

    /// <summary>Extensions or credential that the leaf does not claim to support.</summary>
    public static readonly Rule LeafCapabilities = new(
        "leaf.capabilities",
        "§7.2",
        "A LeafNode's capabilities list its own extensions and credential type."
    );

    /// <summary>Required capabilities missing.</summary>
    public static readonly Rule LeafRequiredCapabilities = new(
        "leaf.required-capabilities",
        "§7.3",
        "A LeafNode supports what the group's required_capabilities demand."
    );

    /// <summary>A member cannot read a credential in use.</summary>
    public static readonly Rule LeafCredentialSupport = new(
        "leaf.credential-support",
        "§7.3",
        "Every member supports the credential type of every other member."
    );

    /// <summary>The leaf has the wrong source.</summary>
    public static readonly Rule LeafSource = new(
        "leaf.source",
        "§7.3",
        "The source of a LeafNode is that of the message which carries it."
    );

    /// <summary>Valid for longer than the application allows.</summary>
    public static readonly Rule LeafTotalLifetime = new(
        "leaf.total-lifetime",
        "§7.2",
        "The lifetime of a LeafNode is not longer than the application allows."
    );

    /// <summary>An extension of the group that the leaf does not support.</summary>
    public static readonly Rule LeafGroupExtensions = new(
        "leaf.group-extensions",
        "§13.4",
        "A member supports every extension of the GroupContext."
    );
}

/// <summary>RFC 9420 §7.3, the checks of one leaf.</summary>
internal static class LeafNodeValidation
{
    /// <summary>Signature, keys, and what the leaf says of itself.</summary>
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

    /// <summary>What the GroupContext demands of a leaf that enters it: required capabilities (§11.1) and its extensions (§13.4).</summary>
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

    /// <summary>What the GroupContext demands of all members at once.</summary>
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
