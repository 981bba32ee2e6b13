using System.Diagnostics;

namespace MlsConsole.Fleet;

/// <summary>The scenarios that the fleet can run.</summary>
internal static class Scenarios
{
    /// <summary>The times between two comparisons at rest, and between two audits of the logs.</summary>
    private static readonly TimeSpan s_untilRest = TimeSpan.FromSeconds(30),
        s_untilAudit = TimeSpan.FromSeconds(3);

    public static async Task<Report> Run(Crowd crowd, Host? host)
    {
        List<string> remarks = [];
        try
        {
            switch (crowd.Options.Scenario)
            {
                case "demo":
                    await Demo(crowd);
                    break;
                case "storm":
                    remarks.Add(await new Storm(crowd, host).Run());
                    break;
                case "soak":
                    await Soak(crowd, host, remarks);
                    break;
                case "chaos":
                    await Chaos(crowd, host, remarks);
                    break;
            }
        }
        catch (Exception) when (crowd.Stop.IsCancellationRequested)
        {
            // The user has ended the run, or an invariant is broken, which the report says.
        }
        return Report.Of(crowd, remarks);
    }

    /// <summary>Runs until the user ends it, or until its time is over if it was given one.</summary>
    private static async Task Demo(Crowd crowd)
    {
        await crowd.Gather();
        crowd.Stage = "demo";
        var temper = crowd.Options.Rate is { } rate ? Temper.OfRate(crowd.Devices.Count, rate) : Temper.Gentle;
        using var life = new Life(crowd, temper);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(crowd.Stop);
        if (double.IsFinite(crowd.Options.Minutes))
            end.CancelAfter(TimeSpan.FromMinutes(crowd.Options.Minutes));
        await life.Run(end.Token);
        crowd.Statistics.Stop();
    }

    /// <summary>Lets the devices act, and compares their states at rest now and then.</summary>
    private static async Task Soak(Crowd crowd, Host? host, List<string> remarks)
    {
        await crowd.Gather();
        var memory = new List<(double Fleet, double? Host)>();
        using var up = new SemaphoreSlim(1);
        int rests = await LiveAndRest(
            crowd,
            up,
            () => memory.Add((GC.GetTotalMemory(forceFullCollection: true) / 1048576.0, host?.WorkingSet / 1048576.0))
        );
        remarks.Add($"at rest {rests} times");
        string fleetMemory = string.Join(' ', memory.Select(one => $"{one.Fleet:0}"));
        string hostMemory = memory.Exists(one => one.Host is null)
            ? "not ours"
            : string.Join(' ', memory.Select(one => $"{one.Host:0}"));
        remarks.Add($"memory in MiB at rest: fleet (managed) {fleetMemory}; host (resident) {hostMemory}");
    }

    /// <summary>
    /// Does the same on a bad network, and kills the host now and then. At rest the network is good, so that all states
    /// can be compared.
    /// </summary>
    private static async Task Chaos(Crowd crowd, Host? host, List<string> remarks)
    {
        await crowd.Gather();
        crowd.Weather.IsBad = true;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(crowd.Stop);
        using var up = new SemaphoreSlim(1);
        var kills =
            host is null || crowd.Options.KillSeconds <= 0 ? Task.CompletedTask : Kill(crowd, host, up, end.Token);
        int rests = await LiveAndRest(crowd, up, () => { });
        await end.CancelAsync();
        await kills;
        var mishaps = crowd.Mishaps.OrderBy(one => one.Key).Select(one => $"{one.Key} {one.Value}");
        remarks.Add(
            $"at rest {rests} times; the host was killed {host?.Kills ?? 0} times; "
                + $"on the way: {string.Join(", ", mishaps)}"
        );
    }

    private static async Task Kill(Crowd crowd, Host host, SemaphoreSlim up, CancellationToken stop)
    {
        var random = Decisions.Seeded(crowd.Options.Seed, -2);
        try
        {
            while (true)
            {
                await Task.Delay(TimeSpan.FromSeconds(crowd.Options.KillSeconds * (0.5 + random.NextDouble())), stop);
                await up.WaitAsync(stop);
                // A host that was killed is started again, even if the run ends meanwhile.
                await host.Kill(CancellationToken.None);
                up.Release();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The run has ended.
        }
    }

    /// <summary>Lets the devices act, and compares all states at rest now and then.</summary>
    /// <param name="crowd">The devices.</param>
    /// <param name="up">Is held while the host must not be killed.</param>
    /// <param name="atRest">What else to do at rest.</param>
    /// <returns>How many times all states were compared.</returns>
    private static async Task<int> LiveAndRest(Crowd crowd, SemaphoreSlim up, Action atRest)
    {
        var audit = new Audit(crowd);
        var rest = new Rest(crowd, audit);
        using var life = new Life(crowd, Temper.Busy);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(crowd.Stop);
        var running = Task.WhenAll(life.Run(end.Token), audit.Run(s_untilAudit, end.Token));
        int rests = 0;
        bool isBad = crowd.Weather.IsBad;
        try
        {
            for (var watch = Stopwatch.StartNew(); ; )
            {
                var left = TimeSpan.FromMinutes(crowd.Options.Minutes) - watch.Elapsed;
                crowd.Stage = crowd.Options.Scenario;
                await Task.Delay(left < s_untilRest ? Max(left, TimeSpan.Zero) : s_untilRest, crowd.Stop);
                bool last = watch.Elapsed >= TimeSpan.FromMinutes(crowd.Options.Minutes);
                await life.Rest(async () =>
                {
                    crowd.Stage = "at rest";
                    await up.WaitAsync(crowd.Stop);
                    crowd.Weather.IsBad = false;
                    await rest.Check(crowd.Stop);
                    atRest();
                    crowd.Weather.IsBad = isBad && !last;
                    up.Release();
                });
                rests++;
                if (last)
                    return rests;
            }
        }
        finally
        {
            crowd.Statistics.Stop();
            await end.CancelAsync();
            await running;
        }
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
