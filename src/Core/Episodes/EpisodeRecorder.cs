using System.Threading.Channels;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Episodes;

/// <summary>
/// Collects what happens to rejoins on this host, and writes it in batches for the one host that judges.
/// </summary>
public sealed class EpisodeRecorder : IDisposable
{
    /// <summary>
    /// So many events wait for a database that cannot be written; further ones are counted and left out.
    /// </summary>
    internal const int MaxWaiting = 20_000;
    private const int Batch = 1000;

    private readonly Channel<EpisodeEvent> _waiting = Channel.CreateBounded<EpisodeEvent>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true }
    );
    private readonly Database _database;
    private readonly ExternalCommitsFlag _flag;
    private readonly IDisposable _subscription;
    private List<EpisodeEvent> _unwritten = [];
    private long _leftOut;

    /// <summary>Collects what the feed tells of from now on.</summary>
    internal EpisodeRecorder(ActivityFeed feed, Database database, ExternalCommitsFlag flag)
    {
        (_database, _flag) = (database, flag);
        _subscription = feed.Subscribe(activity =>
        {
            if (activity is RequestAnswered request && EpisodeEvent.KindOf(request) is { } kind)
                Add(request, kind);
        });
    }

    /// <summary>How many events were left out because too many waited.</summary>
    public long LeftOut => Interlocked.Read(ref _leftOut);

    /// <summary>Writes what was collected. It is called by one duty.</summary>
    public async Task WriteAsync(CancellationToken cancellation)
    {
        while (true)
        {
            while (_unwritten.Count < Batch && _waiting.Reader.TryRead(out var one))
                _unwritten.Add(one);
            if (_unwritten.Count == 0)
                return;
            await _database.WriteAsync(
                context =>
                {
                    context.AddRange(_unwritten.Select(Copy));
                    return Task.FromResult(0);
                },
                cancellation
            );
            _unwritten = [];
        }
    }

    public void Dispose() => _subscription.Dispose();

    private void Add(RequestAnswered request, EpisodeEventKind kind)
    {
        var flag = _flag.Current;
        bool taken = _waiting.Writer.TryWrite(
            new()
            {
                At = request.At,
                Did = request.Account!.Value.Value,
                ConvoId = request.ConvoId!,
                Kind = kind,
                Cohort = request.Cohort,
                Stage = flag.Version,
                StageBeganAt = flag.IsFirst ? null : flag.ChangedAt,
                Milliseconds = (int)Math.Min(int.MaxValue, Attempt.Of(request)?.Latency.TotalMilliseconds ?? 0),
            }
        );
        if (!taken)
            Interlocked.Increment(ref _leftOut);
    }

    /// <summary>A transaction that is tried again needs rows that no context has given an id.</summary>
    private static EpisodeEvent Copy(EpisodeEvent one) =>
        new()
        {
            At = one.At,
            Did = one.Did,
            ConvoId = one.ConvoId,
            Kind = one.Kind,
            Cohort = one.Cohort,
            Stage = one.Stage,
            StageBeganAt = one.StageBeganAt,
            Milliseconds = one.Milliseconds,
        };
}
