using System.Collections.Immutable;

namespace MlsConsole.Core.Activity;

/// <summary>The in-process stream of <see cref="ActivityRecord"/> records.</summary>
public sealed class ActivityFeed
{
    private ImmutableArray<Action<ActivityRecord>> subscribers = [];

    /// <summary>Hands a record to every subscriber. Never throws: what happened has happened, whoever fails to hear of it.</summary>
    public void Publish(ActivityRecord activity)
    {
        foreach (Action<ActivityRecord> subscriber in subscribers)
        {
            try
            {
                subscriber(activity);
            }
            catch (Exception)
            {
                // A subscriber's fault is no reason to fail the request that it was told about.
            }
        }
    }

    /// <summary>Calls <paramref name="subscriber"/> for every record from now until the result is disposed. It must return at once.</summary>
    public IDisposable Subscribe(Action<ActivityRecord> subscriber)
    {
        // A delegate may be subscribed twice; each subscription ends its own.
        Action<ActivityRecord> own = activity => subscriber(activity);
        ImmutableInterlocked.Update(ref subscribers, static (list, added) => list.Add(added), own);
        return new Subscription(this, own);
    }

    private sealed class Subscription(ActivityFeed feed, Action<ActivityRecord> own) : IDisposable
    {
        public void Dispose() =>
            ImmutableInterlocked.Update(ref feed.subscribers, static (list, removed) => list.Remove(removed), own);
    }
}
