using System.Text.Json.Nodes;

namespace MlsConsole.Mls.Tests;

/// <summary>The runner itself: finds files of any name, passes what is right and fails all else.</summary>
public sealed class Vectors_of_any_folder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mls-vectors-").FullName;

    public static TheoryData<ushort> Suites => [.. CipherSuite.All.Select(suite => suite.Id)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private VectorFile Only(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        var file = Assert.Single(VectorFile.In(_folder));
        File.Delete(path);
        return file;
    }

    private VectorOutcome Run(JsonObject test, string name = "passive-interop/any-name.json")
    {
        var file = Only(name, new JsonArray(test.DeepClone()).ToJsonString());
        Assert.Null(file.Problem);
        return Assert.Single(file.Outcomes);
    }

    [Theory, MemberData(nameof(Suites))]
    public void A_history_of_ours_passes_with_its_observer(ushort suite)
    {
        var outcome = Run(PassiveHistory.Create(suite));
        Assert.True(outcome.Failure is null, outcome.Failure);
        // Eight commits, of which the observer misses the private one and goes on from the next GroupInfo.
        Assert.Equal((suite, new PublicCommits(7, 2, 6)), (outcome.Suite!.Value, outcome.Public));
    }

    [Fact]
    public void A_passive_client_is_known_by_its_folder_or_its_shape()
    {
        var history = PassiveHistory.Create(1);
        foreach (
            string name in (string[])
                [
                    "unheard-of.json",
                    "deep/er/file.json",
                    "passive-x/welcome.json",
                    "passive-x/y/treekem.json",
                    "welcome.json",
                ]
        )
            Assert.Equal((string?)null, Run(history, name).Failure);
        // In such a folder everything must be a passive client.
        var other = Only(
            "passive-x/tree-math.json",
            """[{"n_leaves":1,"n_nodes":1,"root":0,"left":[null],"right":[null],"parent":[null],"sibling":[null]}]"""
        );
        Assert.NotNull(Assert.Single(other.Outcomes).Failure);
    }

    [Fact]
    public void A_kind_is_known_by_its_shape_whatever_the_name()
    {
        var file = Only(
            "new-name.json",
            """
            [{"n_leaves":1,"n_nodes":1,"root":0,"left":[null],"right":[null],"parent":[null],"sibling":[null]},
             {"n_leaves":1,"n_nodes":2,"root":0,"left":[null],"right":[null],"parent":[null],"sibling":[null]}]
            """
        );
        Assert.Equal("tree-math", file.Kind);
        Assert.Equal([true, false], file.Outcomes.Select(outcome => outcome.Failure is null));
    }

    [Theory]
    [InlineData("commit")]
    [InlineData("epoch_authenticator")]
    [InlineData("group_info_after")]
    public void One_changed_digit_fails(string key)
    {
        var history = PassiveHistory.Create(1);
        foreach (var epoch in history["epochs"]!.AsArray().Where(epoch => epoch![key] is not null))
        {
            string right = (string)epoch![key]!;
            int at = right.Length - 1;
            epoch[key] = right[..at] + (right[at] == '0' ? '1' : '0') + right[(at + 1)..];
            Assert.NotNull(Run(history).Failure);
            epoch[key] = right;
        }
        Assert.Null(Run(history).Failure);
    }

    [Fact]
    public void A_GroupInfo_of_another_epoch_or_group_fails()
    {
        var (history, stranger) = (PassiveHistory.Create(1), PassiveHistory.Create(1));
        var epoch = history["epochs"]![1]!;
        foreach (var other in (JsonNode[])[history["epochs"]![0]!, history["epochs"]![3]!, stranger["epochs"]![1]!])
        {
            epoch["group_info_after"] = (string)other["group_info_after"]!;
            Assert.NotNull(Run(history).Failure);
        }
    }

    [Fact]
    public void An_unknown_suite_or_a_case_without_one_fails()
    {
        var history = PassiveHistory.Create(1);
        history["cipher_suite"] = 0x7777;
        Assert.NotNull(Run(history).Failure);
        history.Remove("cipher_suite");
        Assert.NotNull(Run(history).Failure);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("""[{"cipher_suite":1,"what":"ever"}]""")]
    [InlineData("[{")]
    public void A_file_that_says_nothing_to_us_is_a_problem(string content) =>
        Assert.NotNull(Only("some.json", content).Problem);

    [Fact]
    public void A_folder_without_vectors_or_no_folder_is_a_problem()
    {
        Assert.NotNull(Assert.Single(VectorFile.In(_folder)).Problem);
        Assert.NotNull(Assert.Single(VectorFile.In(Path.Combine(_folder, "absent"))).Problem);
    }
}
