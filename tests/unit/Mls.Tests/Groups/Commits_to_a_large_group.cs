using System.Security.Cryptography;
using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>What a service pays for one commit of many, counted in bytes: that is the same on every machine.</summary>
public class Commits_to_a_large_group
{
    private const int Members = 10_000;
    private const long Limit = 64 << 10;

    [Fact]
    public void None_of_100_external_commits_to_10_000_members_allocates_more_than_64_KiB()
    {
        var groupInfo = UnverifiedGroupInfo.Decode(new SyntheticGroup(Members, populated: true).GroupInfo);
        var group = PublicGroup.FromGroupInfo(groupInfo, null);
        long most = 0;
        for (int i = 0; i < 100; i++)
        {
            using var client = SyntheticGroup.NewClient();
            // Every second joiner comes back to a leaf of its own, each time in another place of the tree.
            LeafIndex? remove = i % 2 == 0 ? new LeafIndex((uint)(i * 7919 % Members)) : null;
            using var joined = Group.JoinByExternalCommit(
                client,
                groupInfo,
                group,
                remove,
                null,
                treeInGroupInfo: false
            );
            var (commit, next) = (joined.Pending!.Commit, joined.Pending.GroupInfo);

            long allocated = AllocatedBy(() =>
            {
                groupInfo = UnverifiedGroupInfo.Decode(next);
                group = group
                    .Stage(group.Authenticate(MlsMessage.Decode(commit).PublicMessage!), [], null)
                    .Accept(groupInfo, null);
            });
            // The first one computes what is kept of the tree from then on.
            if (i > 0)
                most = Math.Max(most, allocated);
        }
        Assert.InRange(most, 1, Limit);
    }

    [Fact]
    public void The_keys_of_10_000_members_change_for_the_same_price_until_all_have_been_replaced()
    {
        var keys = Enumerable.Range(0, 2 * Members).Select(_ => NewKey()).ToList();
        var set = PublicKeySet.Of(keys)!;
        long most = 0;
        for (int replaced = 0; replaced < 2 * keys.Count; )
        {
            // A commit in such a group replaces at most this many keys: those of a path to the root of a tree of 2^14
            // leaves, of a leaf, and of a leaf that it removes.
            var before = keys.GetRange(replaced % keys.Count, 16);
            var after = before.ConvertAll(_ => NewKey());
            most = Math.Max(
                most,
                AllocatedBy(() =>
                {
                    var builder = set.ToBuilder();
                    foreach (var key in before)
                        builder.Remove(key);
                    foreach (var key in after)
                        Assert.True(builder.Add(key));
                    set = builder.ToImmutable();
                })
            );
            foreach (var key in after)
                keys[replaced++ % keys.Count] = key;
        }
        Assert.All(keys, key => Assert.True(set.Contains(key)));
        Assert.InRange(most, 1, Limit / 2);
    }

    private static ReadOnlyMemory<byte> NewKey() => RandomNumberGenerator.GetBytes(32);

    private static long AllocatedBy(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
