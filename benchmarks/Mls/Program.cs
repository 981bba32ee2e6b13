using System.Globalization;
using MlsConsole.Mls.Benchmarks;

// dotnet run -c Release --project benchmarks/Mls -- ratios [--sizes 2,10,100] [--seconds 1.5]
//                                                   micro [BenchmarkDotNet's options]
//                                                   peers [--sizes 2,10,100,1000] [--seconds 5]
//                                                   make FOLDER [--members 50000] [--fresh], then follow FOLDER
string Option(string name, string otherwise) =>
    Array.IndexOf(args, name) is >= 0 and int at && at + 1 < args.Length ? args[at + 1] : otherwise;
int[] Sizes(string otherwise) =>
    [.. Option("--sizes", otherwise).Split(',').Select(size => int.Parse(size, CultureInfo.InvariantCulture))];
double Seconds(string otherwise) => double.Parse(Option("--seconds", otherwise), CultureInfo.InvariantCulture);

switch (args.FirstOrDefault())
{
    case "ratios":
        return new Ratios(Sizes("2,10,100,1000,10000"), Seconds("1.5")).Run() ? 0 : 1;
    case "micro":
        BenchmarkDotNet.Running.BenchmarkRunner.Run<Primitives>(args: args[1..]);
        return 0;
    case "peers":
        using (
            var peer = new Peer(
                Environment.GetEnvironmentVariable("MLSCONSOLE_NODE") ?? "node",
                Option("--script", "benchmarks/peers/ts-mls.mjs")
            )
        )
            new Peers(Sizes("2,10,100,1000"), Seconds("5"), peer).Run();
        return 0;
    case "make" when args.Length > 1:
        LargeGroup.Make(
            args[1],
            int.Parse(Option("--members", "50000"), CultureInfo.InvariantCulture),
            populated: !args.Contains("--fresh")
        );
        return 0;
    case "follow" when args.Length > 1:
        Console.WriteLine(LargeGroup.Follow(args[1]));
        return 0;
    default:
        Console.Error.WriteLine(
            "usage: ratios [--sizes 2,10,100,1000,10000] [--seconds 1.5] | micro [options of BenchmarkDotNet] "
                + "| peers [--sizes 2,10,100,1000] [--seconds 5] | make FOLDER [--members 50000] [--fresh] "
                + "| follow FOLDER"
        );
        return 2;
}
