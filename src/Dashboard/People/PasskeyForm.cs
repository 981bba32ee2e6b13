namespace MlsConsole.Dashboard.People;

/// <summary>What the browser sends when a passkey was made.</summary>
/// <param name="Name">The name that the person gives it.</param>
/// <param name="Credential">The answer of the authenticator, as JSON.</param>
public sealed record PasskeyForm(string Name, string Credential);
