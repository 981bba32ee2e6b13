using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace MlsConsole.Core;

/// <summary>An AT Protocol account identifier (a DID). The value is compared byte for byte, never by prefix.</summary>
public readonly partial record struct Did
{
    /// <summary>Longest DID that is taken, in characters.</summary>
    public const int MaxLength = 2048;

    private Did(string value) => Value = value;

    /// <summary>The identifier, for example <c>did:plc:ewvi7nxzyoun6zhxrhs64oiz</c>.</summary>
    public string Value { get; }

    /// <summary>Parses a DID by the syntax of the AT Protocol specification.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Did did)
    {
        bool valid = text is { Length: <= MaxLength } && Syntax().IsMatch(text);
        did = valid ? new(text!) : default;
        return valid;
    }

    /// <summary>Parses a DID that is known to be one.</summary>
    /// <exception cref="FormatException">It is not.</exception>
    public static Did Parse(string text) =>
        TryParse(text, out var did) ? did : throw new FormatException($"Not a DID: {text}");

    /// <inheritdoc/>
    public override string ToString() => Value;

    [GeneratedRegex(@"\Adid:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]\z")]
    private static partial Regex Syntax();
}

/// <summary>Who asks, from a verified token.</summary>
/// <param name="Did">The account.</param>
/// <param name="CorrelationId">Ties log lines, audit entries and the answer's header together.</param>
public sealed record Caller(Did Did, string CorrelationId);
