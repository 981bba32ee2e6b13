namespace MlsConsole.Fleet;

/// <summary>What a device can decide to do.</summary>
internal enum Act
{
    /// <summary>The device sends a message.</summary>
    Say,

    /// <summary>The device renews its keys by a commit.</summary>
    Update,

    /// <summary>The device loses the state of one conversation and rejoins it.</summary>
    LoseGroup,

    /// <summary>The device loses its whole store, as by a reinstallation, and starts again.</summary>
    LoseStore,

    /// <summary>
    /// All devices of the account leave a conversation. Each comes back by a rejoin, when a later decision is about
    /// this conversation.
    /// </summary>
    Leave,

    /// <summary>The device, as an admin, removes another account and adds it again.</summary>
    Remove,

    /// <summary>
    /// The device, as an admin, bans another account, checks that the account cannot rejoin, and lets it in again.
    /// </summary>
    Ban,

    /// <summary>The device does not listen to events until its next decision.</summary>
    Sleep,
}

/// <summary>How often devices do something, and what.</summary>
/// <param name="Pace">The mean time between two decisions of a device.</param>
/// <param name="Weights">How often each act is chosen, relative to the others.</param>
internal sealed record Temper(TimeSpan Pace, IReadOnlyList<(Act Act, int Weight)> Weights)
{
    /// <summary>A pace that is slow enough for the usual limits of the service.</summary>
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

    /// <summary>
    /// A temper by which so many devices rejoin about so often: a fourth of all decisions is to lose a conversation.
    /// </summary>
    /// <param name="devices">How many devices there are.</param>
    /// <param name="rate">Rejoins a minute, of all devices together.</param>
    public static Temper OfRate(int devices, int rate) =>
        new(
            TimeSpan.FromMinutes(0.25 * devices / rate),
            [
                (Act.Say, 653),
                (Act.Update, 30),
                (Act.LoseGroup, 250),
                (Act.LoseStore, 5),
                (Act.Leave, 12),
                (Act.Remove, 10),
                (Act.Ban, 5),
                (Act.Sleep, 35),
            ]
        );

    /// <summary>A pace much faster than that of people.</summary>
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

/// <summary>A decision of a device.</summary>
/// <param name="Pause">The time before the decision is carried out.</param>
/// <param name="Act">What the device does.</param>
/// <param name="Pick">Chooses the conversation: its remainder is an index into the device's conversations.</param>
internal sealed record Decision(TimeSpan Pause, Act Act, int Pick);

/// <summary>
/// The decisions of one device. They depend on the seed alone, not on what happens when they are carried out.
/// </summary>
internal sealed class Decisions(int seed, int device, Temper temper)
{
    private readonly Random _random = Seeded(seed, device);
    private readonly int _sum = temper.Weights.Sum(one => one.Weight);

    public Decision Next()
    {
        // A pause is at most four times the mean, so that every device does something in a run.
        var pause = temper.Pace * Math.Min(4, -Math.Log(1 - _random.NextDouble()));
        int at = _random.Next(_sum);
        return new(pause, temper.Weights.First(one => (at -= one.Weight) < 0).Act, _random.Next(1 << 20));
    }

    public static Random Seeded(int seed, int number) => new(unchecked((seed * 1_000_003) + number));
}
