using System.Collections.Immutable;

namespace MlsConsole.Core.Activity;

/// <summary>The in-process stream of <see cref="ActivityRecord"/> records.</summary>
public sealed class ActivityFeed
{
    private ImmutableArray<Action<ActivityRecord>> _subscribers = [];

    /// <summary>
    /// Hands a record to every subscriber. What a subscriber throws is ignored: the record tells what has already
    /// happened, so a subscriber's fault must not fail the caller.
    /// </summary>
    public void Publish(ActivityRecord activity)
    {
        foreach (Action<ActivityRecord> subscriber in _subscribers)
        {
            try
            {
                subscriber(activity);
            }
            catch (Exception)
            {
                // See the summary.
            }
        }
    }

    /// <summary>
    /// Calls <paramref name="subscriber"/> for every record from now until the result is disposed. The subscriber must
    /// return at once, because the publisher waits for it.
    /// </summary>
    public IDisposable Subscribe(Action<ActivityRecord> subscriber)
    {
        // The same delegate may be subscribed twice, so each subscription wraps it in a delegate of its own to remove.
        Action<ActivityRecord> wrapped = activity => subscriber(activity);
        ImmutableInterlocked.Update(ref _subscribers, static (list, added) => list.Add(added), wrapped);
        return new Subscription(this, wrapped);
    }

    private sealed class Subscription(ActivityFeed feed, Action<ActivityRecord> wrapped) : IDisposable
    {
        public void Dispose() =>
            ImmutableInterlocked.Update(ref feed._subscribers, static (list, removed) => list.Remove(removed), wrapped);
    }
}
