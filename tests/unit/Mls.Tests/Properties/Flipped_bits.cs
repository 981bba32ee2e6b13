using MlsConsole.TestKit;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Each bit of each message is changed in turn. No changed message is accepted by a member, a joiner or an observer who
/// sees only what is public.
/// </summary>
public class Flipped_bits(ITestOutputHelper output)
{
    [Theory]
    [InlineData("key-package")]
    [InlineData("group-info")]
    [InlineData("welcome")]
    [InlineData("commit")] // proposals by value and by reference, with and without path, private, external, a resync
    public void All_of_them_are_refused(string target)
    {
        using var seeds = FuzzSeeds.Create();
        using var targets = new FuzzTargets(seeds.Scene);
        int bits = 0;
        foreach (var seed in seeds.Of(target))
        {
            Assert.True(targets.Accepts(target, seed));
            for (int bit = 0; bit < seed.Length * 8; bit++, bits++)
            {
                var flipped = (byte[])seed.Clone();
                flipped[bit / 8] ^= (byte)(1 << bit % 8);
                Assert.False(targets.Accepts(target, flipped), $"bit {bit} of {Convert.ToHexStringLower(seed)}");
            }
            // None of the refusals has spoilt anything for the right message.
            Assert.True(targets.Accepts(target, seed));
        }
        output.WriteLine($"{target}: {bits} bits of {seeds.Of(target).Count} messages");
    }
}
