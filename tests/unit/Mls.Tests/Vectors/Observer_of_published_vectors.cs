namespace MlsConsole.Mls.Tests;

/// <summary>
/// How far an observer who sees only what is public can follow the published histories. If it follows less, it has lost
/// a commit.
/// </summary>
public class Observer_of_published_vectors
{
    [SkippableTheory]
    [InlineData("passive-client-handling-commit.json", 94, 0)]
    [InlineData("passive-client-random.json", 200, 0)]
    [InlineData("passive-interop/commit.json", 15, 0)]
    [InlineData("passive-interop/external_join.json", 28, 28)]
    [InlineData("passive-interop/external_proposals.json", 69, 0)]
    public void It_follows_every_public_commit(string name, int followed, int external)
    {
        Published_vectors.SkipIfAbsent();
        Skip.If(
            VectorFiles.IsChosen,
            "The numbers are those of the published files, and MLSCONSOLE_VECTORS names others."
        );
        var outcomes = Published_vectors.Files.Value.Single(file => file.Name == name).Outcomes;
        Assert.Equal(
            (followed, external),
            (outcomes.Sum(outcome => outcome.Public.Followed), outcomes.Sum(outcome => outcome.Public.External))
        );
    }
}
