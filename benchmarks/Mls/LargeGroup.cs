using System.Diagnostics;
using System.Text.Json;

namespace MlsConsole.Mls.Benchmarks;

/// <summary>
/// A large group, which one process makes and another one follows, so that the measured memory of the latter does not
/// include the keys of all members.
/// </summary>
internal static class LargeGroup
{
    private const int Rounds = 4;
    private static readonly byte[] s_key = new byte[32];

    /// <summary>Writes the GroupInfo with the ratchet tree, and the state of one member, into a folder.</summary>
    public static void Make(string folder, int members, bool populated)
    {
        var scene = new SyntheticGroup(members, populated);
        var leaf = new LeafIndex((uint)members / 2);
        using var member = scene.Member(
            leaf,
            PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(scene.GroupInfo), null)
        );
        File.WriteAllBytes(Path.Combine(folder, "group-info"), scene.GroupInfo);
        File.WriteAllBytes(Path.Combine(folder, "client"), scene.ClientOf(leaf).Save(s_key));
        File.WriteAllBytes(Path.Combine(folder, "member"), member.Save(s_key));
    }

    /// <summary>
    /// Runs a service, a member and a client that joins by external commit in this process. The service creates the
    /// group from its GroupInfo, and stages and accepts the joiner's commit with a GroupInfo that has the tree inside.
    /// Then the two members commit in turn: the service stages and accepts each commit, and the other member processes
    /// it. At the end the service restores its state from its snapshot.
    /// </summary>
    /// <returns>
    /// JSON with the number of epochs and of members at the end, whether all states agree, the most memory that the
    /// process ever had in bytes, and the seconds that each step took in sum.
    /// </returns>
    public static string Follow(string folder)
    {
        var steps = new Dictionary<string, double>();
        var groupInfo = File.ReadAllBytes(Path.Combine(folder, "group-info"));
        var service = Timed(
            steps,
            "create",
            () => PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(groupInfo), null)
        );
        ulong first = service.Epoch;
        using var memberClient = Client.Load(File.ReadAllBytes(Path.Combine(folder, "client")), s_key);
        using var member = Timed(
            steps,
            "load",
            () => Group.Load(memberClient, File.ReadAllBytes(Path.Combine(folder, "member")), s_key)
        );
        using var client = SyntheticGroup.NewClient();
        using var joiner = Timed(
            steps,
            "join",
            () => Group.JoinByExternalCommit(client, UnverifiedGroupInfo.Decode(groupInfo))
        );
        Pass(joiner, joiner.Pending!, member);
        for (int round = 0; round < Rounds; round++)
        {
            var (committer, other) = round % 2 == 0 ? (member, joiner) : (joiner, member);
            Pass(committer, Timed(steps, "commit", () => committer.Commit()), other);
        }
        var restored = Timed(steps, "restore", () => PublicGroup.Restore(service.Snapshot()));

        bool agree =
            member.EpochAuthenticator.AsSpan().SequenceEqual(joiner.EpochAuthenticator)
            && service.Context.Encoded.Span.SequenceEqual(member.PublicGroup.Context.Encoded.Span)
            && service.Context.Encoded.Span.SequenceEqual(joiner.PublicGroup.Context.Encoded.Span)
            && service.Context.Encoded.Span.SequenceEqual(restored.Context.Encoded.Span);
        using var process = Process.GetCurrentProcess();
        return JsonSerializer.Serialize(
            new
            {
                Epochs = service.Epoch - first,
                Members = service.MemberCount,
                Agree = agree,
                PeakBytes = process.PeakWorkingSet64,
                Seconds = steps,
            }
        );

        void Pass(Group committer, PendingCommit pending, Group other)
        {
            var staged = Timed(
                steps,
                "stage",
                () => service.Stage(service.Authenticate(MlsMessage.Decode(pending.Commit).PublicMessage!), [], null)
            );
            service = Timed(steps, "accept", () => staged.Accept(UnverifiedGroupInfo.Decode(pending.GroupInfo), null));
            committer.MergePendingCommit();
            Timed(steps, "process", () => other.Receive(pending.Commit));
        }
    }

    private static T Timed<T>(Dictionary<string, double> steps, string step, Func<T> action)
    {
        long start = Stopwatch.GetTimestamp();
        var result = action();
        steps[step] = Math.Round(steps.GetValueOrDefault(step) + Stopwatch.GetElapsedTime(start).TotalSeconds, 3);
        return result;
    }
}
