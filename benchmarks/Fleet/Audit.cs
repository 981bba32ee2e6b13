using System.Collections.Concurrent;
using System.Globalization;
using MlsConsole.Clients;
using MlsConsole.Lexicon;

namespace MlsConsole.Fleet;

/// <summary>
/// Reads the logs of the service's conversations and checks them: a log has one commit for each epoch, leaves none out,
/// and has every commit that the service has ever acknowledged.
/// </summary>
internal sealed class Audit(Crowd crowd)
{
    private readonly ConcurrentDictionary<Room, (ulong Epoch, long Seq)> _read = [];

    /// <summary>Reads all logs again and again, with a pause after each time.</summary>
    public async Task Run(TimeSpan pause, CancellationToken stop)
    {
        try
        {
            for (; ; await Task.Delay(pause, stop))
                foreach (var room in crowd.Rooms)
                    await Read(room, stop);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The run has ended.
        }
    }

    /// <summary>Reads and checks what is new in the log of a conversation.</summary>
    public async Task Read(Room room, CancellationToken stop)
    {
        try
        {
            // Any device that is in the conversation may read the log. If none is at this moment, the log is read the
            // next time.
            if (crowd.Devices.FirstOrDefault(device => device.IsIn(room)) is not { Client: { } client })
                return;
            ulong acknowledged = crowd.Ledger.Acknowledged(room.ConvoId);
            var (epoch, seq) = _read.GetValueOrDefault(room);
            while (true)
            {
                var page = await client.Call(
                    Lexicons.GetCommits,
                    new GetCommitsParameters
                    {
                        ConvoId = room.ConvoId,
                        FromEpoch = epoch.ToString(CultureInfo.InvariantCulture),
                    },
                    stop
                );
                foreach (var commit in page.Commits)
                {
                    if ((ulong)commit.Epoch != epoch + 1)
                        throw crowd.Ledger.Broke(room.ConvoId, $"the log goes from epoch {epoch} to {commit.Epoch}");
                    if (commit.Seq <= seq)
                        throw crowd.Ledger.Broke(
                            room.ConvoId,
                            $"the commit of epoch {commit.Epoch} is at {commit.Seq}, and the one before at {seq}"
                        );
                    (epoch, seq) = ((ulong)commit.Epoch, commit.Seq);
                }
                if (page.Commits.Count == 0)
                    break;
            }
            if (epoch < acknowledged)
                throw crowd.Ledger.Broke(
                    room.ConvoId,
                    $"the log ends in epoch {epoch}, and the commit of epoch {acknowledged} was acknowledged"
                );
            _read[room] = (epoch, seq);
        }
        catch (Exception exception) when (exception is MlsClientException or ObjectDisposedException)
        {
            // The log cannot be read at this moment.
        }
    }

    /// <summary>The last epoch of the conversation's log that was read.</summary>
    public ulong EpochOf(Room room) => _read.GetValueOrDefault(room).Epoch;
}
