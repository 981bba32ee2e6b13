using System.Diagnostics;
using System.Globalization;

namespace MlsConsole.Load;

/// <summary>The results of a number of requests.</summary>
/// <param name="Latencies">The latencies of all requests in milliseconds, in ascending order.</param>
internal sealed record Measurement(double Seconds, int Failed, IReadOnlyList<double> Latencies)
{
    public double PerSecond => (Latencies.Count - Failed) / Seconds;

    public double Quantile(double share) => Latencies[Math.Max(0, (int)Math.Ceiling(share * Latencies.Count) - 1)];

    public double Success => 1 - (double)Failed / Latencies.Count;

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{PerSecond, 6:0}/s  P50 {Quantile(0.5), 6:0.0} ms  P99 {Quantile(0.99), 6:0.0} ms  "
                + $"{100 * Success:0.00} % of {Latencies.Count:N0}"
        );

    /// <summary>
    /// Sends requests as fast as possible: each connection sends its next request when it has the answer to the one
    /// before.
    /// </summary>
    public static Task<Measurement> Closed(HttpClient http, IReadOnlyList<Queue<HttpRequestMessage>> connections) =>
        Run(
            connections.Select(queue =>
                (Func<Stopwatch, Task<List<(double, bool)>>>)(
                    async watch =>
                    {
                        var answers = new List<(double, bool)>();
                        while (queue.TryDequeue(out var request))
                        {
                            double sent = watch.Elapsed.TotalMilliseconds;
                            bool succeeded = await Send(http, request);
                            answers.Add((watch.Elapsed.TotalMilliseconds - sent, succeeded));
                        }
                        return answers;
                    }
                )
            )
        );

    /// <summary>
    /// Sends requests at a given rate, which does not depend on the answers. The latency of a request is counted from
    /// the moment at which it was due, even if its connection was not free then.
    /// </summary>
    public static Task<Measurement> Open(
        HttpClient http,
        IReadOnlyList<Queue<HttpRequestMessage>> connections,
        double perSecond
    ) =>
        Run(
            connections.Select(
                (queue, index) =>
                    (Func<Stopwatch, Task<List<(double, bool)>>>)(
                        async watch =>
                        {
                            var answers = new List<(double, bool)>();
                            for (
                                double due = index * 1000 / perSecond;
                                queue.TryDequeue(out var request);
                                due += connections.Count * 1000 / perSecond
                            )
                            {
                                double early = due - watch.Elapsed.TotalMilliseconds;
                                if (early > 0)
                                    await Task.Delay(TimeSpan.FromMilliseconds(early));
                                bool succeeded = await Send(http, request);
                                answers.Add((watch.Elapsed.TotalMilliseconds - due, succeeded));
                            }
                            return answers;
                        }
                    )
            )
        );

    /// <summary>Carries out all actions at the same time, each once.</summary>
    public static Task<Measurement> Once(IEnumerable<Func<Task<bool>>> actions) =>
        Run(
            actions.Select(action =>
                (Func<Stopwatch, Task<List<(double, bool)>>>)(
                    async watch =>
                    {
                        double began = watch.Elapsed.TotalMilliseconds;
                        bool succeeded = await action();
                        return [(watch.Elapsed.TotalMilliseconds - began, succeeded)];
                    }
                )
            )
        );

    private static async Task<Measurement> Run(
        IEnumerable<Func<Stopwatch, Task<List<(double Latency, bool Succeeded)>>>> workers
    )
    {
        var watch = Stopwatch.StartNew();
        var answers = (await Task.WhenAll(workers.Select(worker => Task.Run(() => worker(watch)))))
            .SelectMany(own => own)
            .ToList();
        return new(
            watch.Elapsed.TotalSeconds,
            answers.Count(answer => !answer.Succeeded),
            [.. answers.Select(answer => answer.Latency).Order()]
        );
    }

    private static async Task<bool> Send(HttpClient http, HttpRequestMessage request)
    {
        using (request)
        {
            using var response = await http.SendAsync(request);
            await response.Content.ReadAsByteArrayAsync();
            return response.IsSuccessStatusCode;
        }
    }
}
