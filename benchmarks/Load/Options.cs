using System.Globalization;

namespace MlsConsole.Load;

/// <summary>What to measure.</summary>
/// <param name="Storage">
/// sqlite or postgresql; for postgresql a server is started that synchronises its commits to the disk.
/// </param>
/// <param name="Connections">The number of conversations, each with one joiner and one connection.</param>
/// <param name="Members">The number of members of each conversation.</param>
/// <param name="Requests">The number of requests in each measurement.</param>
/// <param name="Rounds">
/// The number of measurements of the greatest throughput, each with one of the baseline beside it.
/// </param>
internal sealed record Options(
    string Storage = "sqlite",
    int Connections = 100,
    int Members = 10,
    int Requests = 3000,
    int Rounds = 3
)
{
    public static Options Parse(string[] args)
    {
        var options = new Options();
        for (int i = 0; i + 1 < args.Length; i += 2)
            options = args[i] switch
            {
                "--storage" => options with { Storage = args[i + 1] },
                "--connections" => options with { Connections = Number(args[i + 1]) },
                "--members" => options with { Members = Number(args[i + 1]) },
                "--requests" => options with { Requests = Number(args[i + 1]) },
                "--rounds" => options with { Rounds = Number(args[i + 1]) },
                _ => throw new ArgumentException($"{args[i]} is no option."),
            };
        if (args.Length % 2 != 0)
            throw new ArgumentException($"{args[^1]} has no value.");
        return options.Storage is "sqlite" or "postgresql"
            ? options
            : throw new ArgumentException("--storage must be sqlite or postgresql.");
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new ArgumentException($"{text} is no positive number.");
}
