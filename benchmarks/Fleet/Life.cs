using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>Devices that live: each carries out its own decisions, one after the other, while all others do the same.</summary>
internal sealed class Life(Crowd crowd, Temper temper) : IDisposable
{
    private readonly SemaphoreSlim _acts = new(crowd.Devices.Count);

    /// <summary>Lives until told to stop.</summary>
    public Task Run(CancellationToken stop)
    {
        foreach (var device in crowd.Devices) device.Listen();
        return Task.WhenAll(crowd.Devices.Select(device => Task.Run(() => Live(device, stop), CancellationToken.None)));
    }

    /// <summary>Somebody of another account with this device alone, who does nothing just now and is kept from it.</summary>
    private Device? Other(Device device, Room room, Decision decision)
    {
        var others = crowd.Devices.Where(other => other.Account != device.Account && other.Account.Devices.Count == 1 && other.IsIn(room)).ToList();
        return others.Count > 1 && others[decision.Pick % others.Count] is var other && other.Gate.Wait(0) ? other : null;
    }

    /// <summary>Does something while nobody acts.</summary>
    public async Task Rest(Func<Task> action)
    {
        for (int i = 0; i < crowd.Devices.Count; i++) await _acts.WaitAsync(crowd.Stop);
        try
        {
            await action();
        }
        finally
        {
            _acts.Release(crowd.Devices.Count);
        }
    }

    public void Dispose() => _acts.Dispose();

    private async Task Live(Device device, CancellationToken stop)
    {
        var decisions = new Decisions(crowd.Options.Seed, device.Number, temper);
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var decision = decisions.Next();
                await Task.Delay(decision.Pause, stop);
                await _acts.WaitAsync(stop);
                try
                {
                    await Do(device, decision);
                }
                finally
                {
                    _acts.Release();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested || crowd.Stop.IsCancellationRequested)
        {
            // Told to.
        }
        catch (BreachException)
        {
            // Known to the ledger.
        }
        catch (Exception exception)
        {
            crowd.Ledger.Broke(device.Name, exception.ToString());
        }
    }

    /// <summary>Carries a decision out, as far as it makes sense where the device stands.</summary>
    private async Task Do(Device device, Decision decision)
    {
        var stop = crowd.Stop;
        await device.Gate.WaitAsync(stop);
        try
        {
            device.Listen();
            if (device.Places.IsEmpty) return;
            var (room, place) = device.Places.OrderBy(one => one.Key.Number).ElementAt(decision.Pick % device.Places.Count);
            if (place != Place.In)
            {
                await device.Rejoin(room, stop);
                return;
            }
            var target = decision.Act == Act.Remove && device.Created.Contains(room) ? Other(device, room, decision) : null;
            var act = decision.Act switch
            {
                Act.Remove when target is null => Act.Say,
                Act.LoseGroup when !device.MayLose(room) => Act.Say,
                Act.LoseStore when !device.Places.Keys.All(device.MayLose) => Act.Say,
                var any => any,
            };
            crowd.Statistics.Did(act);
            switch (act)
            {
                case Act.Say: await device.Say(room, stop); break;
                case Act.Update: await device.Update(room, stop); break;
                case Act.LoseGroup:
                    await device.LoseGroup(room, stop);
                    await device.Rejoin(room, stop);
                    break;
                case Act.LoseStore: await device.LoseStore(); break;
                case Act.Remove:
                    try
                    {
                        await device.Remove(room, target!, stop);
                    }
                    finally
                    {
                        target!.Gate.Release();
                    }
                    break;
                case Act.Sleep: await device.Deafen(); break;
            }
        }
        catch (MlsClientException refused) when (Harmless.Of(refused))
        {
            crowd.Statistics.Refused(refused.Error);
        }
        finally
        {
            device.Gate.Release();
        }
    }
}
