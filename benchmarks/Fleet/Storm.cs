using System.Diagnostics;
using System.Globalization;
using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>
/// All devices lose their state and rejoin at the same moment, in one conversation or spread over several. A few more
/// devices, the keepers, create the conversations and stay in them.
/// </summary>
internal sealed class Storm(Crowd crowd, Host? host)
{
    private const int Keepers = 4;
    private readonly List<Device> _devices = [];

    /// <returns>A line about the storms for the report.</returns>
    public async Task<string> Run()
    {
        var stop = crowd.Stop;
        await Gather(stop);
        // In the first rounds the code on both sides is not compiled yet.
        for (int i = 0; i < crowd.Options.Warm; i++)
        {
            crowd.Stage = $"round {i + 1}, which is not counted";
            await Round(stop);
        }
        crowd.Statistics.Restart();
        var (fleet, service) = (Environment.CpuUsage.TotalTime, host?.ProcessorTime);
        var longest = TimeSpan.Zero;
        for (int i = 0; i < crowd.Options.Rounds; i++)
        {
            crowd.Stage = $"storm {i + 1}";
            var took = await Round(stop);
            if (took > longest)
                longest = took;
        }
        (fleet, service) = (Environment.CpuUsage.TotalTime - fleet, host?.ProcessorTime - service);
        crowd.Statistics.Stop();
        crowd.Stage = "everybody speaks, and all is compared";
        foreach (var device in crowd.Devices.Where(device => device.Number % 10 < 2))
        foreach (var room in device.In.ToList())
        {
            await device.Sync(room, stop);
            await device.Say(room, stop);
        }
        await new Rest(crowd, new(crowd)).Check(stop);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{crowd.Options.Rounds} storms, the longest ended after {longest.TotalSeconds:0.0} s; "
                + $"processor seconds: fleet {fleet.TotalSeconds:0.0}, host {service?.TotalSeconds:0.0}, "
                + $"of {Environment.ProcessorCount} processors"
        );
    }

    private async Task Gather(CancellationToken stop)
    {
        crowd.Stage = "devices enrol";
        for (int i = 0; i < Math.Min(Keepers, crowd.Options.Groups); i++)
            crowd.Enter(crowd.NewAccount());
        for (int i = 0; i < crowd.Options.Devices; i++)
            _devices.Add(crowd.Enter(crowd.NewAccount()));
        await Parallel.ForEachAsync(crowd.Devices, stop, async (device, token) => await device.Start(token));
        crowd.Stage = "conversations are created";
        var keepers = crowd.Devices.Except(_devices).ToList();
        await Task.WhenAll(
            keepers.Select(keeper =>
                Task.Run(
                    async () =>
                    {
                        for (int group = keeper.Number; group < crowd.Options.Groups; group += keepers.Count)
                            await keeper.Create(
                                [
                                    .. _devices
                                        .Where((_, i) => i % crowd.Options.Groups == group)
                                        .Select(device => device.Account),
                                ],
                                group,
                                stop
                            );
                    },
                    stop
                )
            )
        );
        await Parallel.ForEachAsync(
            _devices,
            stop,
            async (device, token) =>
            {
                await device.AcceptWelcomes(token);
                foreach (var room in device.In.ToList())
                    await device.Sync(room, token);
            }
        );
    }

    private async Task<TimeSpan> Round(CancellationToken stop)
    {
        foreach (var device in _devices)
        foreach (var room in device.In.ToList())
            await device.LoseGroup(room, stop);
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(
            _devices.SelectMany(device =>
                device.Places.Keys.Select(room =>
                    Task.Run(
                        async () =>
                        {
                            try
                            {
                                await device.Rejoin(room, stop);
                            }
                            catch (MlsClientException)
                            {
                                // The failure was counted, and the device tries again when all states are compared.
                            }
                        },
                        stop
                    )
                )
            )
        );
        var took = Stopwatch.GetElapsedTime(started);
        // The next round begins when the clients have reported the rejoins of this one.
        await Task.Delay(Device.ReportDelay, stop);
        return took;
    }
}
