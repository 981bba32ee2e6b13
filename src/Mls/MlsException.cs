using System.Diagnostics.CodeAnalysis;

namespace MlsConsole.Mls;

/// <summary>One thing that RFC 9420 demands of an input, and that this library checks.</summary>
/// <param name="Id">Stable name, for example <c>commit.path-missing</c>. Never renamed: it is stored, counted and sent to clients.</param>
/// <param name="Section">Where the RFC says so, for example <c>§12.4.2</c>.</param>
/// <param name="Requirement">The requirement in one sentence.</param>
public sealed record Rule(string Id, string Section, string Requirement);

/// <summary>An input breaks a rule of RFC 9420. Nothing has changed when it is thrown.</summary>
/// <remarks>
/// Every refusal of outside bytes is this one type; <see cref="Rule"/> says which requirement was broken.
/// Misuse of the API by the calling program is an <see cref="ArgumentException"/> or <see cref="InvalidOperationException"/>.
/// </remarks>
public sealed class MlsException : Exception
{
    /// <summary>Creates the exception for a broken rule.</summary>
    public MlsException(Rule rule, string? detail = null, Exception? inner = null)
        : base(
            detail is null ? $"{rule.Id}: {rule.Requirement}" : $"{rule.Id}: {rule.Requirement} ({detail})",
            inner
        ) => Rule = rule;

    /// <summary>The rule that the input breaks.</summary>
    public Rule Rule { get; }

    [DoesNotReturn]
    internal static void Throw(Rule rule, string? detail = null) => throw new MlsException(rule, detail);

    /// <summary>Throws unless <paramref name="holds"/>; keeps a check to one line where it stands.</summary>
    internal static void Require([DoesNotReturnIf(false)] bool holds, Rule rule)
    {
        if (!holds)
            Throw(rule);
    }
}
