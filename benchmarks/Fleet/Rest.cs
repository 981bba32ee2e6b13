using System.Text;
using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.Fleet;

/// <summary>
/// The checks while no device acts. Every device that belongs in a conversation is in it, in the last epoch and with
/// the same secret as the others, was told all messages, and acknowledges its epoch to the service. Each leaf in the
/// members' trees and each entry of the service's roster belongs to such a device.
/// </summary>
internal sealed class Rest(Crowd crowd, Audit audit)
{
    private const int Tries = 3;

    public Task Check(CancellationToken stop) =>
        Parallel.ForEachAsync(
            crowd.Rooms,
            new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop },
            async (room, token) =>
            {
                try
                {
                    await Check(room, token);
                }
                catch (MlsClientException refusal)
                {
                    throw crowd.Ledger.Broke(room.ConvoId, $"at rest {refusal.Method} was refused: {refusal}");
                }
            }
        );

    private async Task Check(Room room, CancellationToken stop)
    {
        foreach (
            var lost in crowd.Devices.Where(device => device.Places.GetValueOrDefault(room) == Place.Lost).ToList()
        )
            await lost.Rejoin(room, stop);
        // The account of this device has come back by another device before anybody has removed this device's leaf. So
        // this device is a member too.
        foreach (
            var back in crowd
                .Devices.Where(device =>
                    device.Places.GetValueOrDefault(room) == Place.Left
                    && device.Account.Devices.Exists(other => other.IsIn(room))
                )
                .ToList()
        )
            await back.Rejoin(room, stop);
        var held = crowd.Devices.Where(device => device.IsIn(room)).ToList();
        if (held.Count == 0)
            return;
        var names = held.Select(device => device.Identity).Order(StringComparer.Ordinal).ToList();
        for (int tries = 1; ; tries++)
        {
            var views = new List<(Device Device, ConversationView? View)>();
            foreach (var device in held)
            {
                await device.Sync(room, stop);
                views.Add((device, await device.Look(room, stop)));
            }
            var (first, view) = views[0];
            if (views.Find(one => one.View is null).Device is { } gone)
                throw crowd.Ledger.Broke(room.ConvoId, $"{gone.Name} was thrown out");
            if (views.Find(one => one.View!.Epoch != view!.Epoch).Device is { } behind)
                throw crowd.Ledger.Broke(
                    room.ConvoId,
                    $"at rest {behind.Name} and {first.Name} are in different epochs"
                );
            var leaves = view!
                .Members.Select(identity => Encoding.UTF8.GetString(identity.Span))
                .Order(StringComparer.Ordinal)
                .ToList();
            if (leaves.SequenceEqual(names))
            {
                foreach (var device in held)
                    await device.Acknowledge(room, stop);
                await AskService(first, room, view.Epoch, names, stop);
                break;
            }
            if (names.Except(leaves).FirstOrDefault() is { } missing)
                throw crowd.Ledger.Broke(room.ConvoId, $"{missing} is in and has no leaf in epoch {view.Epoch}");
            if (tries == Tries)
                throw crowd.Ledger.Broke(
                    room.ConvoId,
                    $"nobody holds the leaf of {Gone(leaves.Except(names).First())} in epoch {view.Epoch}"
                );
            // The next commit of a member removes the leaf of a device that has left.
            await first.Update(room, stop);
        }
        await audit.Read(room, stop);
        if (audit.EpochOf(room) < crowd.Ledger.Acknowledged(room.ConvoId))
            throw crowd.Ledger.Broke(room.ConvoId, "its log could not be read to its end");

        string Gone(string identity) =>
            crowd.Devices.Find(device => device.Identity == identity) is { } device
                ? $"{device.Name}, which is {device.Places.GetValueOrDefault(room)}"
                : identity;
    }

    private async Task AskService(Device device, Room room, ulong epoch, List<string> names, CancellationToken stop)
    {
        var convo = (
            await device.Client!.Call(Lexicons.GetConvo, new GetConvoParameters { ConvoId = room.ConvoId }, stop)
        ).Convo;
        var roster = convo
            .Members.Select(member => $"{member.Did}#{member.DeviceId}")
            .Order(StringComparer.Ordinal)
            .ToList();
        if ((ulong)convo.Epoch != epoch)
            throw crowd.Ledger.Broke(room.ConvoId, $"the service is in epoch {convo.Epoch}, its members in {epoch}");
        if (!roster.SequenceEqual(names))
            throw crowd.Ledger.Broke(
                room.ConvoId,
                $"the service's members are {string.Join(", ", roster)}; "
                    + $"those who are in are {string.Join(", ", names)}"
            );
    }
}
