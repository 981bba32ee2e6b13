namespace MlsConsole.Fleet;

public sealed class DecisionsTests
{
    [Fact]
    public void A_seed_makes_the_decisions_of_every_device_the_same_again()
    {
        static List<Decision> Of(int seed, int device)
        {
            var decisions = new Decisions(seed, device, Temper.Busy);
            return [.. Enumerable.Range(0, 500).Select(_ => decisions.Next())];
        }
        Assert.Equal(Of(7, 3), Of(7, 3));
        Assert.NotEqual(Of(7, 3), Of(7, 4));
        Assert.NotEqual(Of(7, 3), Of(8, 3));
        Assert.Equal(
            Temper.Busy.Weights.Select(one => one.Act).Order(),
            Of(7, 3).Select(decision => decision.Act).Distinct().Order()
        );
    }

    [Fact]
    public void Arguments_that_cannot_be_used_are_refused_with_a_reason()
    {
        Assert.Equal((100, 1), (Options.Parse(["storm"]).Devices, Options.Parse(["storm"]).Groups));
        foreach (
            string[] wrong in (string[][])
                [
                    [],
                    ["dance"],
                    ["storm", "--devices"],
                    ["storm", "--devices", "many"],
                    ["storm", "--devices", "1"],
                    ["storm", "--speed", "3"],
                    ["soak", "--url", "http://127.0.0.1:1", "--start-host"],
                ]
        )
            Assert.Throws<ArgumentException>(() => Options.Parse(wrong));
    }
}
