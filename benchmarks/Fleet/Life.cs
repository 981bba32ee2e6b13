using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>
/// Lets all devices act: each device carries out its own decisions, one after the other, at the same time as all
/// others.
/// </summary>
internal sealed class Life(Crowd crowd, Temper temper) : IDisposable
{
    private readonly SemaphoreSlim _acts = new(crowd.Devices.Count);

    /// <summary>Lets the devices act until the run is to stop.</summary>
    public Task Run(CancellationToken stop)
    {
        foreach (var device in crowd.Devices)
            device.Listen();
        return Task.WhenAll(crowd.Devices.Select(device => Task.Run(() => Live(device, stop), CancellationToken.None)));
    }

    /// <summary>
    /// The devices that one act involves. Their gates are held until the act has ended, so that they do nothing else.
    /// </summary>
    private sealed class Held : IDisposable
    {
        private readonly List<Device> _devices = [];

        public bool TryTake(IReadOnlyCollection<Device> devices)
        {
            foreach (var device in devices)
            {
                if (!device.Gate.Wait(0))
                    return false;
                _devices.Add(device);
            }
            return true;
        }

        public void Dispose() => _devices.ForEach(static device => device.Gate.Release());
    }

    /// <summary>A device in the conversation that is the only one of another account.</summary>
    private Device? Other(Device device, Room room, Decision decision)
    {
        var others = crowd
            .Devices.Where(other =>
                other.Account != device.Account && other.Account.Devices.Count == 1 && other.IsIn(room)
            )
            .ToList();
        return others.Count > 0 ? others[decision.Pick % others.Count] : null;
    }

    /// <summary>Carries out an action while no device acts.</summary>
    public async Task Rest(Func<Task> action)
    {
        for (int i = 0; i < crowd.Devices.Count; i++)
            await _acts.WaitAsync(crowd.Stop);
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
            // The run has ended.
        }
        catch (BreachException)
        {
            // The ledger has recorded the breach.
        }
        catch (Exception exception)
        {
            crowd.Ledger.Broke(device.Name, exception.ToString());
        }
    }

    /// <summary>
    /// Whether an account may leave a conversation. Admins may not, since nobody else could ban accounts or let them in
    /// again.
    /// </summary>
    private bool MayLeave(Device device, Room room, Held held) =>
        device.Account.Devices.TrueForAll(one => !one.Created.Contains(room) && one.MayRejoin(room))
        && held.TryTake([.. device.Account.Devices.Where(one => one != device)])
        && crowd.TryGoOut(room, device.Account, Place.Left);

    private bool MayExpel(Device device, Room room, Device target, Act act, Held held) =>
        device.Created.Contains(room)
        && target.MayRejoin(room, act == Act.Ban ? 2 : 1)
        && held.TryTake([target])
        && crowd.TryGoOut(room, target.Account, act == Act.Ban ? Place.Banned : Place.Removed);

    /// <summary>Carries out a decision, as far as the place of the device in the conversation allows it.</summary>
    private async Task Do(Device device, Decision decision)
    {
        var stop = crowd.Stop;
        await device.Gate.WaitAsync(stop);
        try
        {
            device.Listen();
            if (device.Places.IsEmpty)
                return;
            var (room, place) = device
                .Places.OrderBy(one => one.Key.Number)
                .ElementAt(decision.Pick % device.Places.Count);
            if (place is Place.Removed or Place.Banned)
                // The device waits until an admin lets it in.
                return;
            if (place != Place.In)
            {
                await device.Rejoin(room, stop);
                return;
            }
            using var held = new Held();
            if (
                device.Created.Contains(room)
                && crowd.Devices.Find(other => other.Places.GetValueOrDefault(room) is Place.Removed or Place.Banned)
                    is { } outside
            )
            {
                if (held.TryTake([outside]))
                    await device.LetIn(room, outside, stop);
                return;
            }
            var target = Other(device, room, decision);
            var act = decision.Act switch
            {
                Act.LoseGroup when !device.MayRejoin(room) => Act.Say,
                Act.LoseStore when !device.Places.Keys.All(one => device.MayRejoin(one)) => Act.Say,
                Act.Leave when !MayLeave(device, room, held) => Act.Say,
                Act.Remove or Act.Ban when target is null || !MayExpel(device, room, target, decision.Act, held) =>
                    Act.Say,
                var any => any,
            };
            crowd.Statistics.Did(act);
            switch (act)
            {
                case Act.Say:
                    await device.Say(room, stop);
                    break;
                case Act.Update:
                    await device.Update(room, stop);
                    break;
                case Act.LoseGroup:
                    await device.LoseGroup(room, stop);
                    await device.Rejoin(room, stop);
                    break;
                case Act.LoseStore:
                    await device.LoseStore();
                    break;
                case Act.Leave:
                    await device.Leave(room, stop);
                    break;
                case Act.Remove:
                    await device.Remove(room, target!, stop);
                    break;
                case Act.Ban:
                    await device.Ban(room, target!, stop);
                    break;
                case Act.Sleep:
                    await device.Deafen();
                    break;
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
