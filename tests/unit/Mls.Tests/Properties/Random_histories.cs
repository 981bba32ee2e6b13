using CsCheck;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Whatever happens in a group, all of its members are in the same epoch, an observer has the same tree, and a message
/// with a changed bit changes nothing.
/// </summary>
public class Random_histories(ITestOutputHelper output)
{
    // Commits that add come often enough for groups to grow; what only proposes leaves the epoch as it is.
    private static readonly Gen<StepKind> s_kinds = Gen.Frequency(
        (4, Gen.Const(StepKind.Add)),
        (2, Gen.Const(StepKind.Remove)),
        (4, Gen.Const(StepKind.Update)),
        (4, Gen.Const(StepKind.CommitReceived)),
        (3, Gen.Const(StepKind.ProposeUpdate)),
        (1, Gen.Const(StepKind.ProposeRemove)),
        (2, Gen.Const(StepKind.ProposeAdd)),
        (2, Gen.Const(StepKind.ProposeFromOutside)),
        (1, Gen.Const(StepKind.SelfRemove)),
        (3, Gen.Const(StepKind.ExternalJoin)),
        (3, Gen.Const(StepKind.Resync)),
        (2, Gen.Const(StepKind.PreSharedKey)),
        (1, Gen.Const(StepKind.Extensions)),
        (10, Gen.Const(StepKind.Talk)),
        (1, Gen.Const(StepKind.LostCommit))
    );

    private static readonly Gen<Step> s_step = Gen.Select(
            s_kinds,
            Gen.Int[0, 9_999],
            Gen.Int[0, 9_999],
            Gen.Int[0, 15],
            Gen.Int[0, 999_999]
        )
        .Select((kind, who, whom, flags, flip) => new Step(kind, who, whom, flags, flip));

    [Fact]
    public void Small_groups_of_every_suite() => Sample(most: 8, epochs: 15, histories: 8);

    [Fact, Trait("Category", "Slow")]
    public void Groups_of_fifty_over_two_hundred_epochs() => Sample(most: 50, epochs: 200, histories: 3, suite: 1);

    [Fact, Trait("Category", "Long")]
    public void Many_groups_of_fifty_over_two_hundred_epochs() =>
        Sample(most: 50, epochs: 200, histories: 100, suite: 1);

    [Fact, Trait("Category", "Long")]
    public void Many_small_groups_of_every_suite() => Sample(most: 12, epochs: 40, histories: 300);

    private void Sample(int most, int epochs, int histories, ushort? suite = null)
    {
        ushort[] suites = suite is { } one ? [one] : [.. CipherSuite.All.Select(known => known.Id)];
        long members = 0,
            flips = 0,
            open = 0,
            closed = 0,
            late = 0;
        // About every second step begins an epoch; of twenty times as many steps most are left over.
        Gen.Select(Gen.Int[0, suites.Length - 1].Select(i => suites[i]), s_step.Array[20 * epochs])
            .Sample(
                (suite, history) =>
                {
                    using var group = new RandomHistory(suite, most);
                    int largest = 0;
                    foreach (var step in history)
                    {
                        if (group.Epoch >= (ulong)epochs)
                            break;
                        group.Do(step);
                        largest = Math.Max(largest, group.Members);
                    }
                    Assert.Equal((ulong)epochs, group.Epoch);
                    Interlocked.Add(ref members, largest);
                    Interlocked.Add(ref flips, group.Flips);
                    Interlocked.Add(ref open, group.PublicCommits);
                    Interlocked.Add(ref closed, group.PrivateCommits);
                    Interlocked.Add(ref late, group.LateMessages);
                },
                iter: histories,
                print: sample => $"suite {sample.Item1}: {string.Join(", ", sample.Item2.Take(3 * epochs))}, ..."
            );
        output.WriteLine(
            $"{histories} histories of {epochs} epochs: {members / histories} members at most on average; "
                + $"{open} commits followed by the observer, {closed} hidden from it, "
                + $"{late} late messages, {flips} changed bits"
        );
        Assert.True(open > 0 && closed > 0);
        // A message that comes after its epoch is rare: some short runs have none.
        if (histories * epochs >= 600)
            Assert.True(late > 0);
    }
}
