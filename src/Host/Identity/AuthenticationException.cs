namespace MlsConsole.Host.Identity;

/// <summary>A caller could not be authenticated: answered 401 <c>AuthenticationRequired</c>.</summary>
/// <param name="reason">A low-cardinality label for metrics, never sent.</param>
/// <param name="message">What is wrong with the token, for the caller. It never contains any of it.</param>
internal sealed class AuthenticationException(string reason, string message) : Exception(message)
{
    public string Reason { get; } = reason;
}
