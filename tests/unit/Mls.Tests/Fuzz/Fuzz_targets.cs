using MlsConsole.TestKit;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Runs the targets of tests/fuzz with their seeds and with mutations from a fixed random seed, which is a short form
/// of what afl-fuzz does for minutes.
/// </summary>
public sealed class Fuzz_targets(ITestOutputHelper output)
{
    private const int Seed = 9420;

    public static TheoryData<string> Names => [.. FuzzTargets.Names];

    [Theory, MemberData(nameof(Names))]
    public void Seeds_are_accepted_by_their_target(string target)
    {
        using var seeds = FuzzSeeds.Create();
        using var targets = new FuzzTargets(seeds.Scene);
        Assert.NotEmpty(seeds.Of(target));
        // A commit that is encrypted anew cannot have its confirmation tag.
        foreach (var seed in seeds.Of(target))
            Assert.Equal(target != "message" || seed[0] != (byte)ContentType.Commit, targets.Accepts(target, seed));
    }

    [Theory, MemberData(nameof(Names))]
    public void Two_thousand_mutations_end_in_a_result_or_an_MlsException(string target)
    {
        using var seeds = FuzzSeeds.Create();
        using var targets = new FuzzTargets(seeds.Scene);
        var random = new Random(Seed);
        int accepted = 0;
        for (int i = 0; i < 2_000; i++)
            if (targets.Accepts(target, Mutation.Mutate(seeds.Of(target)[i % seeds.Of(target).Count], random)))
                accepted++;
        output.WriteLine($"{target}, seed {Seed}: {accepted} accepted");
        Assert.NotEqual(2_000, accepted);
    }

    [Fact]
    public void A_scene_is_the_same_after_it_was_saved()
    {
        using var seeds = FuzzSeeds.Create();
        string folder = Directory.CreateTempSubdirectory("fuzz-").FullName;
        try
        {
            seeds.WriteTo(folder);
            using var targets = new FuzzTargets(FuzzScene.Load(File.ReadAllBytes(Path.Combine(folder, "scene"))));
            Assert.True(targets.Accepts("welcome", File.ReadAllBytes(Path.Combine(folder, "welcome", "seed-00"))));
            using var others = FuzzSeeds.Create();
            Assert.False(targets.Accepts("welcome", others.Of("welcome")[0]));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
