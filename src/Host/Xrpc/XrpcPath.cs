namespace MlsConsole.Host.Xrpc;

/// <summary>
/// Finds the NSID in a request target: <c>/xrpc/{nsid}</c>. One trailing slash is allowed; nothing may be escaped.
/// </summary>
internal static class XrpcPath
{
    private const string Prefix = "/xrpc/";

    // AT Protocol NSID specification: at most 317 characters.
    private const int MaxNsidLength = 317;

    /// <returns><see langword="null"/> if the target is no XRPC path.</returns>
    public static string? NsidOf(string target)
    {
        int query = target.IndexOf('?', StringComparison.Ordinal);
        ReadOnlySpan<char> path = query < 0 ? target : target.AsSpan(0, query);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        ReadOnlySpan<char> nsid = path[Prefix.Length..];
        if (nsid.EndsWith("/"))
            nsid = nsid[..^1];
        if (nsid.Length is < 2 or > MaxNsidLength)
            return null;

        bool separatorAllowed = false;
        foreach (char c in nsid)
        {
            if (char.IsAsciiLetterOrDigit(c))
                separatorAllowed = true;
            else if (c is '.' or '-' && separatorAllowed)
                separatorAllowed = false;
            else
                return null;
        }
        return separatorAllowed ? nsid.ToString() : null;
    }
}
