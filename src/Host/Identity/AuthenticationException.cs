namespace MlsConsole.Host.Identity;

/// <summary>A caller could not be authenticated. The answer is 401 <c>AuthenticationRequired</c>.</summary>
/// <param name="reason">A low-cardinality label for metrics, never sent.</param>
/// <param name="message">
/// What is wrong with the token, for the caller. The text never contains a part of the token.
/// </param>
internal sealed class AuthenticationException(string reason, string message) : Exception(message)
{
    public string Reason { get; } = reason;
}
