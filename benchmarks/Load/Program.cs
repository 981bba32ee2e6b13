using System.Globalization;
using MlsConsole.E2e;
using MlsConsole.Load;
using MlsConsole.TestKit;

Options options;
try
{
    options = Options.Parse(args);
}
catch (ArgumentException wrong)
{
    Console.Error.WriteLine(
        $"{wrong.Message}\nOptions: --storage sqlite --connections 100 --members 10 --requests 3000 --rounds 3"
    );
    return 1;
}

await using var host = await HostProcess.Start(
    HostFixture.NoLimits,
    options.Storage == "postgresql" ? await PostgreSqlServer.StartAsync(durable: true) : null
);
using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = options.Connections })
{
    BaseAddress = host.Url,
};

var others = new List<byte[]>();
for (int i = 1; i < options.Members; i++)
{
    using var other = await TestDevice.Register(host.Url, $"member-{i}");
    others.Add(await other.Publish());
}
var joiners = await Task.WhenAll(
    Enumerable.Range(0, options.Connections).Select(number => Joiner.Create(host.Url, number, others))
);
int each = Math.Max(1, options.Requests / options.Connections);
List<Queue<HttpRequestMessage>> Prepare(Func<Joiner, int, Queue<HttpRequestMessage>> make, int count) =>
    [.. joiners.AsParallel().AsOrdered().Select(joiner => make(joiner, count))];

Console.WriteLine(
    $"{options.Storage}, {options.Connections} connections, conversations of {options.Members}, "
        + $"{each * options.Connections:N0} requests each, host and load on {Environment.ProcessorCount} cores"
);
await Measurement.Closed(http, Prepare((joiner, count) => joiner.Baselines(count), 5));
await Measurement.Closed(http, Prepare((joiner, count) => joiner.Commits(count), 5));

var rounds = new List<(Measurement Baseline, Measurement Commits)>();
for (int i = 0; i < options.Rounds; i++)
{
    var (baselines, commits) = (
        Prepare((joiner, count) => joiner.Baselines(count), each),
        Prepare((joiner, count) => joiner.Commits(count), each)
    );
    var round = (Baseline: await Measurement.Closed(http, baselines), Commits: await Measurement.Closed(http, commits));
    rounds.Add(round);
    Console.WriteLine($"one durable insert, as fast as it goes   {round.Baseline}");
    Console.WriteLine($"external commits, as fast as it goes     {round.Commits}");
}
var ratios = rounds.Select(round => round.Commits.PerSecond / round.Baseline.PerSecond).Order().ToList();
double greatest = rounds.Max(round => round.Commits.PerSecond);
Console.WriteLine(
    string.Create(
        CultureInfo.InvariantCulture,
        $"ratio of throughputs: {ratios[ratios.Count / 2]:0.00} (median of {ratios.Count}; target >= 0.50)"
    )
);

var open = await Measurement.Open(http, Prepare((joiner, count) => joiner.Commits(count), each), greatest / 2);
Console.WriteLine($"external commits, open loop at half      {open}   (targets P50 < 30 ms, P99 < 100 ms)");
var rejoins = await Measurement.Once(joiners.Select(joiner => (Func<Task<bool>>)joiner.Rejoin));
Console.WriteLine($"{joiners.Length} rejoins at once, each in its turn     {rejoins}");
return rounds.Sum(round => round.Baseline.Failed + round.Commits.Failed) + open.Failed + rejoins.Failed == 0 ? 0 : 1;
