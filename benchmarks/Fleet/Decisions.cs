namespace MlsConsole.Fleet;

/// <summary>What a device may come to do.</summary>
internal enum Act
{
    /// <summary>It sends a message.</summary>
    Say,

    /// <summary>It renews its keys by a commit.</summary>
    Update,

    /// <summary>It loses the state of one conversation and rejoins it.</summary>
    LoseGroup,

    /// <summary>It loses everything, as by a reinstall, and starts again.</summary>
    LoseStore,

    /// <summary>With all devices of its account it leaves a conversation, and comes back when it next turns to it.</summary>
    Leave,

    /// <summary>As an admin it removes another account, and adds it back.</summary>
    Remove,

    /// <summary>As an admin it bans another account, sees that it is kept out, and lets it back in.</summary>
    Ban,

    /// <summary>It hears nothing until its next decision.</summary>
    Sleep,
}

/// <summary>How lively devices are.</summary>
/// <param name="Pace">The mean time between two decisions of a device.</param>
/// <param name="Weights">How often each act is chosen, relative to the others.</param>
internal sealed record Temper(TimeSpan Pace, IReadOnlyList<(Act Act, int Weight)> Weights)
{
    /// <summary>So gentle that the service's usual limits allow it.</summary>
    public static Temper Gentle { get; } =
        new(
            TimeSpan.FromSeconds(8),
            [
                (Act.Say, 853),
                (Act.Update, 30),
                (Act.LoseGroup, 55),
                (Act.LoseStore, 5),
                (Act.Leave, 12),
                (Act.Remove, 10),
                (Act.Ban, 5),
                (Act.Sleep, 30),
            ]
        );

    /// <summary>Far livelier than people.</summary>
    public static Temper Busy { get; } =
        new(
            TimeSpan.FromSeconds(3),
            [
                (Act.Say, 470),
                (Act.Update, 60),
                (Act.LoseGroup, 160),
                (Act.LoseStore, 30),
                (Act.Leave, 90),
                (Act.Remove, 50),
                (Act.Ban, 90),
                (Act.Sleep, 50),
            ]
        );
}

/// <param name="Pause">Before it.</param>
/// <param name="Act">What to do.</param>
/// <param name="Pick">Of the device's conversations, counted around.</param>
internal sealed record Decision(TimeSpan Pause, Act Act, int Pick);

/// <summary>The decisions of one device: always the same for a seed, whatever becomes of them.</summary>
internal sealed class Decisions(int seed, int device, Temper temper)
{
    private readonly Random _random = Seeded(seed, device);
    private readonly int _sum = temper.Weights.Sum(one => one.Weight);

    public Decision Next()
    {
        // No more than four times the mean, so that every device is heard of.
        var pause = temper.Pace * Math.Min(4, -Math.Log(1 - _random.NextDouble()));
        int at = _random.Next(_sum);
        return new(pause, temper.Weights.First(one => (at -= one.Weight) < 0).Act, _random.Next(1 << 20));
    }

    public static Random Seeded(int seed, int number) => new(unchecked((seed * 1_000_003) + number));
}
