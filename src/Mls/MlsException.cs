using System.Diagnostics.CodeAnalysis;

namespace MlsConsole.Mls;

/// <summary>One requirement of RFC 9420 on an input, which this library checks.</summary>
/// <param name="Id">
/// The name of the rule, for example <c>commit.path-missing</c>. It is never changed, because it is stored, counted and
/// sent to clients.
/// </param>
/// <param name="Section">The section of RFC 9420 with the requirement, for example <c>§12.4.2</c>.</param>
/// <param name="Requirement">The requirement as one sentence.</param>
public sealed record Rule(string Id, string Section, string Requirement);

/// <summary>An input breaks a rule of RFC 9420. The call that throws this exception has changed nothing.</summary>
/// <remarks>
/// All refusals of bytes from outside have this type; <see cref="Rule"/> says which requirement the bytes break. A
/// wrong use of the API by the calling program is an <see cref="ArgumentException"/> or
/// <see cref="InvalidOperationException"/>.
/// </remarks>
public sealed class MlsException : Exception
{
    /// <summary>Makes the exception for a rule that is broken.</summary>
    public MlsException(Rule rule, string? detail = null, Exception? inner = null)
        : base(
            detail is null ? $"{rule.Id}: {rule.Requirement}" : $"{rule.Id}: {rule.Requirement} ({detail})",
            inner
        ) => Rule = rule;

    /// <summary>The rule that the input breaks.</summary>
    public Rule Rule { get; }

    [DoesNotReturn]
    internal static void Throw(Rule rule, string? detail = null) => throw new MlsException(rule, detail);

    /// <summary>Throws unless <paramref name="holds"/> is true, so that a check takes one line.</summary>
    internal static void Require([DoesNotReturnIf(false)] bool holds, Rule rule)
    {
        if (!holds)
            Throw(rule);
    }
}
