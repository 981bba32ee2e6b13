using System.Diagnostics;
using System.Globalization;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>
/// Runs the same operations on the same groups with this library, on one core, and with a peer. A round of the one
/// follows a round of the other, and the best round of each counts.
/// </summary>
internal sealed class Peers(IReadOnlyList<int> sizes, double budget, Peer peer)
{
    private const int WarmUp = 3,
        MostRounds = 300;
    private static readonly byte[] s_key = new byte[32];

    public void Run()
    {
        Console.WriteLine("| operation | N | ours | ts-mls | ts-mls / ours |");
        Console.WriteLine("|---|---:|---:|---:|---:|");
        foreach (int members in sizes)
            Compare(new SyntheticGroup(members, populated: true));
    }

    private void Compare(SyntheticGroup scene)
    {
        peer.Load(scene.GroupInfo);
        Compare(
            "decode of GroupInfo and tree",
            scene,
            () =>
                () =>
                    RatchetTree.Decode(
                        SyntheticGroup.Suite,
                        UnverifiedGroupInfo.Decode(scene.GroupInfo).RatchetTree!.Value
                    ),
            peer.Decode
        );
        Compare(
            "joiner verifies and commits",
            scene,
            () =>
            {
                var joiner = SyntheticGroup.NewClient();
                return () => Group.JoinByExternalCommit(joiner, UnverifiedGroupInfo.Decode(scene.GroupInfo)).Dispose();
            },
            () => peer.Join().Nanoseconds
        );

        // Each library joins, and then processes the commit by which the other one joins after it.
        using var client = SyntheticGroup.NewClient();
        using var ours = Group.JoinByExternalCommit(client, UnverifiedGroupInfo.Decode(scene.GroupInfo));
        peer.Load(ours.Pending!.GroupInfo);
        var commitOfPeer = peer.Join().Commit;
        ours.MergePendingCommit();
        var state = ours.Save(s_key);
        peer.Load(scene.GroupInfo);
        using var guestClient = SyntheticGroup.NewClient();
        using var guest = Group.JoinByExternalCommit(guestClient, UnverifiedGroupInfo.Decode(peer.Join().GroupInfo));
        Compare(
            "member processes an external commit",
            scene,
            () =>
            {
                var member = Group.Load(client, state, s_key);
                // The hash and the summary of the tree are computed before, as they are in a group that has been used.
                _ = (member.PublicGroup.Tree.Hash, member.PublicGroup.Tree.Root.Capabilities);
                return () => member.Receive(commitOfPeer);
            },
            () => peer.Receive(guest.Pending!.Commit)
        );
    }

    private void Compare(string operation, SyntheticGroup scene, Func<Action> ours, Func<double> theirs)
    {
        var (best, bestOfPeer) = (double.MaxValue, double.MaxValue);
        long start = Stopwatch.GetTimestamp();
        for (
            int round = 0;
            round < WarmUp + MostRounds
                && (round < WarmUp + 5 || Stopwatch.GetElapsedTime(start).TotalSeconds < budget);
            round++
        )
        {
            var action = ours();
            double before = Stopwatches.Now(Clock.Wall);
            action();
            double time = Stopwatches.Now(Clock.Wall) - before,
                timeOfPeer = theirs();
            if (round >= WarmUp)
                (best, bestOfPeer) = (Math.Min(best, time), Math.Min(bestOfPeer, timeOfPeer));
        }
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {operation} | {scene.Members:N0} | "
                    + $"{Table.Time(best)} | {Table.Time(bestOfPeer)} | {bestOfPeer / best:0.0} |"
            )
        );
    }
}
