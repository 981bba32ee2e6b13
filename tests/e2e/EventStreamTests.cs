using System.Text.Json;
using Xunit.Abstractions;

namespace MlsConsole.E2e;

/// <summary>The official client of AT Protocol event streams, a real device that sends, and a host that does not stay up.</summary>
public sealed class EventStreamTests(ITestOutputHelper output)
{
    private const int Restarts = 6;

    [SkippableFact]
    [Trait("Category", "Slow")]
    public async Task Through_kills_and_restarts_of_the_host_no_event_is_lost_or_repeated()
    {
        TsClient.Require();
        await using var host = await HostProcess.Start(HostFixture.NoLimits);
        await using var session = TsSession.Start(host.Url);
        await session.Do("device", "alice");
        await session.Do("device", "bob");
        await session.Do("device", "stranger");
        var convoId = (await session.Do("createConvo", "alice")).GetProperty("convoId").GetString()!;
        await session.Do("addMembers", "alice", new { convoId, users = new[] { "bob" } });
        await session.Do("acceptWelcomes", "bob");
        await session.Do("follow", "alice", new { cursor = "0" });
        await session.Do("follow", "stranger", new { cursor = "0" });

        using var stop = new CancellationTokenSource();
        var (acknowledged, cut, lastSeq) = (0, 0, 0L);
        var sending = Task.Run(Send);
        for (var i = 1; i <= Restarts; i++)
        {
            var before = Volatile.Read(ref acknowledged);
            while (Volatile.Read(ref acknowledged) < before + 20 && !sending.IsCompleted) await Task.Delay(5);
            // The client is back too, in the middle of the stream, and what it has not yet seen is cut off from it.
            await session.Do("followed", "alice", new { convoId, logSeq = Volatile.Read(ref lastSeq) });
            if (i % 3 == 0) await host.Stop();
            else await host.Kill();
            host.Launch();
            await host.WaitUntilReady();
        }
        var last = Volatile.Read(ref acknowledged);
        while (Volatile.Read(ref acknowledged) < last + 20 && !sending.IsCompleted) await Task.Delay(5);
        await stop.CancelAsync();
        await sending;

        var log = (await session.Do("log", "bob", new { convoId })).GetProperty("log").EnumerateArray().Select(Entry).ToList();
        Assert.True(log.Count >= acknowledged);
        var followed = await session.Do("followed", "alice", new { convoId, logSeq = log[^1].Seq });
        var events = followed.GetProperty("events").EnumerateArray().ToList();
        output.WriteLine($"{log.Count} log entries, {events.Count} events, {followed.GetProperty("connections")} connections, {cut} requests cut");
        Assert.Equal(log, events.Where(one => one.TryGetProperty("logSeq", out _)).Select(one => (one.GetProperty("logSeq").GetInt64(), one.GetProperty("type").GetString()!, one.GetProperty("epoch").GetInt64())));
        var seqs = events.Select(one => one.GetProperty("seq").GetInt64()).ToList();
        Assert.Equal(seqs.Distinct().Order(), seqs);
        Assert.True(followed.GetProperty("connections").GetInt32() > Restarts);
        Assert.Equal(2, events.Count(one => one.GetProperty("type").GetString() == "membership"));
        var strangers = await session.Do("followed", "stranger");
        Assert.Empty(strangers.GetProperty("events").EnumerateArray());
        Assert.True(strangers.GetProperty("connections").GetInt32() > 1);

        var (code, report) = await host.Run("verify-audit");
        Assert.True(code == 0, report);

        static (long Seq, string Kind, long Epoch) Entry(JsonElement entry) => (entry.GetProperty("seq").GetInt64(), entry.GetProperty("kind").GetString()!, entry.GetProperty("epoch").GetInt64());

        async Task Send()
        {
            for (var i = 1; !stop.IsCancellationRequested; i++)
            {
                var reply = i % 5 == 0 ? await session.Try("update", "bob", new { convoId }) : await session.Try("send", "bob", new { convoId, text = $"message {i}" });
                if (reply.TryGetProperty("result", out var result))
                {
                    Volatile.Write(ref lastSeq, result.GetProperty("seq").GetInt64());
                    Interlocked.Increment(ref acknowledged);
                    continue;
                }
                Assert.Equal("Cut", reply.GetProperty("error").GetString());
                cut++;
                // Whether the commit whose answer was lost had been taken, the log knows.
                while (!(await session.Try("catchUp", "bob", new { convoId })).TryGetProperty("result", out _)) await Task.Delay(20);
            }
        }
    }
}
