namespace MlsConsole.Dashboard.People;

/// <summary>Where somebody who signs in goes on.</summary>
public static class ReturnUrl
{
    private const int MaxLength = 500;

    /// <summary>The path that was asked for, or the overview if it would lead to another site.</summary>
    public static string Local(string? url) =>
        url is ['/', ..]
        && url.Length <= MaxLength
        && (url.Length == 1 || (url[1] != '/' && url[1] != '\\'))
        && !url.Any(char.IsControl)
            ? url
            : "/";
}
