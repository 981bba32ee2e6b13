using System.Globalization;

namespace MlsConsole.Fleet;

/// <summary>What to run, and against which host.</summary>
internal sealed record Options
{
    private const string ExitCodes =
        "0 when every target is met, 1 when only latency misses its targets, 2 when a rate does, "
        + "3 when an invariant is broken, 4 when it cannot run, 5 when no device rejoined, so nothing was measured.";

    public const string Usage = $"""
        Fleet demo|storm|soak|chaos [options]

          demo     chats, loses state and rejoins for ever, so gently that the service's usual limits allow it
          storm    all devices lose their state and rejoin at the same moment
          soak     a lively crowd for a while
          chaos    the same on a bad network, with a host that is killed

          --url URL             the host (http://127.0.0.1:5080)
          --start-host          starts the host that was built beside the fleet, without limits, on an empty SQLite file
          --host-dll FILE       the same, with that host
          --postgresql STRING   the started host's database, which must be empty, instead of SQLite
          --service-did DID     did:web:localhost
          --devices N           demo 20, storm 100, soak and chaos 24
          --groups N            storm 1; demo half as many as devices, soak and chaos a third
          --members N           of a group, but for storm (8)
          --warm N              storm: rounds before, which are not counted, while both sides are compiled (20)
          --rounds N            storm: rounds that are counted, one after the other (5)
          --minutes N           soak 10, chaos 5, demo for ever
          --kill SECONDS        chaos: the started host is killed that often, 0 for never (45)
          --keep FOLDER         demo: keeps accounts and stores there, and goes on with those that it finds
          --rate N              demo: about so many rejoins a minute, by all devices together (as many as the usual
                                limits of the service allow)
          --rejoins-per-hour N  the service's limit for a device in a conversation (demo 5, the others none)
          --break SHARE         spoils every external commit of so great a share of the rejoins (0 to 1), from the first
                                attempt to the last, so that retries do not hide it; the members help these devices
          --slow MS             the started host takes so much longer to judge an external commit
          --seed N              makes the devices' decisions the same again
          --json FILE           writes the report there too

        It ends with {ExitCodes}
        """;

    public required string Scenario { get; init; }
    public Uri? Url { get; init; }
    public string? HostDll { get; init; }
    public string? PostgreSql { get; init; }
    public string ServiceDid { get; init; } = "did:web:localhost";
    public int Devices { get; init; }
    public int Groups { get; init; }
    public int Members { get; init; } = 8;
    public int Warm { get; init; } = 20;
    public int Rounds { get; init; } = 5;
    public double Minutes { get; init; }
    public double KillSeconds { get; init; } = 45;
    public int Seed { get; init; } = 1;
    public int? Rate { get; init; }
    public double Break { get; init; }
    public int SlowMilliseconds { get; init; }
    public string? Keep { get; init; }
    public string? Json { get; init; }

    /// <summary>
    /// Whether the latency of a rejoin is counted from the moment at which the device got its turn. This is so in a
    /// storm in which many devices join the same conversation.
    /// </summary>
    public bool MeetInLine => Scenario == "storm" && Groups < Devices;
    public int KeyPackages => Scenario == "storm" ? 2 : 20;

    /// <summary>The limit of rejoins in an hour, which for the demo is the usual limit of the service.</summary>
    public int RejoinsPerHour => RejoinsPerHourGiven ?? (Scenario == "demo" ? 5 : 1_000_000);
    public int? RejoinsPerHourGiven { get; init; }

    /// <exception cref="ArgumentException">The arguments cannot be used; the message says why.</exception>
    public static Options Parse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || arguments[0] is not ("demo" or "storm" or "soak" or "chaos"))
            throw new ArgumentException("Which scenario?");
        var options = new Options
        {
            Scenario = arguments[0],
            Minutes = arguments[0] switch
            {
                "chaos" => 5,
                "demo" => double.PositiveInfinity,
                _ => 10,
            },
        };
        for (int i = 1; i < arguments.Count; i++)
        {
            string name = arguments[i];
            if (name == "--start-host")
            {
                options = options with { HostDll = Host.Beside };
                continue;
            }
            string value = ++i < arguments.Count ? arguments[i] : throw new ArgumentException($"{name} needs a value.");
            options = name switch
            {
                "--url" => options with { Url = new(value) },
                "--host-dll" => options with { HostDll = value },
                "--postgresql" => options with { PostgreSql = value },
                "--service-did" => options with { ServiceDid = value },
                "--devices" => options with { Devices = Whole(name, value) },
                "--groups" => options with { Groups = Whole(name, value) },
                "--members" => options with { Members = Whole(name, value) },
                "--warm" => options with { Warm = Whole(name, value) },
                "--rounds" => options with { Rounds = Math.Max(1, Whole(name, value)) },
                "--minutes" => options with { Minutes = Number(name, value) },
                "--kill" => options with { KillSeconds = Number(name, value) },
                "--keep" => options with { Keep = value },
                "--seed" => options with { Seed = Whole(name, value) },
                "--json" => options with { Json = value },
                "--rate" => options with { Rate = Math.Max(1, Whole(name, value)) },
                "--rejoins-per-hour" => options with { RejoinsPerHourGiven = Math.Max(1, Whole(name, value)) },
                "--break" => options with { Break = Share(name, value) },
                "--slow" => options with { SlowMilliseconds = Whole(name, value) },
                _ => throw new ArgumentException($"{name} is no option."),
            };
        }
        if (options.HostDll is not null && options.Url is not null)
            throw new ArgumentException("Either a host that runs (--url) or one to start.");
        if (options.SlowMilliseconds > 0 && options.HostDll is null)
            throw new ArgumentException("Only a host that is started can be made slow; see Demo:SlowMilliseconds.");
        if (options.Rate is not null && options.Scenario != "demo")
            throw new ArgumentException("Only the demo has a rate.");
        if (options.Keep is not null && options.Scenario != "demo")
            throw new ArgumentException("What others than the demo do ends with them.");
        int devices =
            options.Devices > 0
                ? options.Devices
                : options.Scenario switch
                {
                    "demo" => 20,
                    "storm" => 100,
                    _ => 24,
                };
        int groups =
            options.Groups > 0
                ? options.Groups
                : options.Scenario switch
                {
                    "storm" => 1,
                    "demo" => devices / 2,
                    _ => Math.Max(1, devices / 3),
                };
        return devices < 2 || options.Members < 2
            ? throw new ArgumentException("A conversation needs two.")
            : options with
            {
                Devices = devices,
                Groups = groups,
                Members = Math.Min(options.Members, devices),
            };
    }

    private static double Share(string name, string value) =>
        Number(name, value) is var share and >= 0 and <= 1
            ? share
            : throw new ArgumentException($"{name} is a share, 0 to 1.");

    private static int Whole(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new ArgumentException($"{name} is a whole number.");

    private static double Number(string name, string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw new ArgumentException($"{name} is a number.");
}
