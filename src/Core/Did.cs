using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace MlsConsole.Core;

/// <summary>An AT Protocol account identifier (a DID). DIDs are compared byte for byte, never by a prefix.</summary>
public readonly partial record struct Did
{
    /// <summary>The longest DID that is accepted, in characters.</summary>
    public const int MaxLength = 2048;

    private Did(string value) => Value = value;

    /// <summary>The identifier, for example <c>did:plc:ewvi7nxzyoun6zhxrhs64oiz</c>.</summary>
    public string Value { get; }

    /// <summary>
    /// Parses a DID by the syntax of the AT Protocol specification. Returns false if the text is no DID.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Did did)
    {
        bool valid = text is { Length: <= MaxLength } && Syntax().IsMatch(text);
        did = valid ? new(text!) : default;
        return valid;
    }

    /// <summary>Parses a text that is known to be a DID.</summary>
    /// <exception cref="FormatException">The text is no DID.</exception>
    public static Did Parse(string text) =>
        TryParse(text, out var did) ? did : throw new FormatException($"Not a DID: {text}");

    /// <inheritdoc/>
    public override string ToString() => Value;

    [GeneratedRegex(@"\Adid:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]\z")]
    private static partial Regex Syntax();
}

/// <summary>Who calls a method, known from a verified token.</summary>
/// <param name="Did">The account.</param>
/// <param name="CorrelationId">
/// The id that the log lines, the audit entries and the answer's header of one request share.
/// </param>
public sealed record Caller(Did Did, string CorrelationId)
{
    public CallProgress Progress { get; } = new();
}
