namespace MlsConsole.Source.Tests;

/// <summary>A part of a Markdown document that a test writes: the lines between two HTML comments.</summary>
internal static class DocumentBlock
{
    private const string End = "<!-- end -->";

    /// <summary>
    /// Writes the block if MLSCONSOLE_TABLES is "write", to which <c>./test --rules</c> sets it; otherwise compares the
    /// block with the document.
    /// </summary>
    /// <param name="document">The document's path from the repository's root.</param>
    /// <param name="name">What the comment before the block says: <c>&lt;!-- name --&gt;</c>.</param>
    /// <param name="text">What has to stand between the two comments.</param>
    public static void WriteOrCompare(string document, string name, string text)
    {
        string path = Path.Combine(SourceFile.Root, document);
        string page = File.ReadAllText(path).ReplaceLineEndings("\n");
        string begin = $"<!-- {name} -->\n";
        int start = page.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        int end = start < begin.Length ? -1 : page.IndexOf(End, start, StringComparison.Ordinal);
        Assert.True(end >= 0, $"{document} has no block between <!-- {name} --> and {End}.");
        string block = $"{text}\n";
        if (Environment.GetEnvironmentVariable("MLSCONSOLE_TABLES") == "write")
            File.WriteAllText(path, $"{page[..start]}{block}{page[end..]}");
        else
            Assert.True(
                page[start..end] == block,
                $"{document}, \"{name}\", is not that of this code: run ./test --rules. It has to be:\n{block}"
            );
    }
}
