namespace MlsConsole.Host;

/// <summary>
/// Finds the key with which a DID signs its service tokens. In Development: <c>did:key</c> says it itself and
/// any other DID is looked up in the directory file. No method is resolved over a network yet, so outside of
/// Development every DID is unknown.
/// </summary>
internal sealed class DidResolver(HostSettings settings)
{
    private readonly DidDirectoryFile? directory =
        settings.DirectoryFile is { } path ? new DidDirectoryFile(path) : null;

    /// <returns><see langword="null"/> if the DID is unknown or its document has no usable <c>#atproto</c> key.</returns>
    public EcdsaPublicKey? SigningKeyOf(string did)
    {
        if (settings.AllowDidKey && Multikey.FromDidKey(did) is { } key) return key;
        return directory?.Find(did)?.SigningKey;
    }
}
