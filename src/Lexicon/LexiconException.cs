namespace MlsConsole.Lexicon;

/// <summary>An input, a parameter or an output does not have the form that its lexicon demands.</summary>
/// <param name="path">
/// The place of the fault, for example <c>keyPackages[2].lastResort</c>; empty for the whole input.
/// </param>
/// <param name="reason">What is wrong, as the rest of a sentence that starts with the path.</param>
public sealed class LexiconException(string path, string reason)
    : Exception($"{(path.Length == 0 ? "The input" : path)} {reason}")
{
    /// <summary>The place of the fault.</summary>
    public string Path { get; } = path;

    /// <summary>What is wrong in this place, as the rest of a sentence that starts with the path.</summary>
    public string Reason { get; } = reason;
}
