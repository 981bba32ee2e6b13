using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Rejoins;

namespace MlsConsole.Core.Tests;

public class Telling_of_rejoins
{
    private static readonly RejoinOutcome s_outcome = new(
        RejoinWay.ExternalCommit,
        true,
        2,
        TimeSpan.FromMilliseconds(1500),
        "EpochMismatch"
    );

    [Fact]
    public async Task The_audit_log_has_the_way_the_outcome_and_what_it_took()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        Assert.Equal(s_outcome, await Report(service, convo, bob, s_outcome));
        await Report(service, convo, bob, new(RejoinWay.Legacy, false, 1, TimeSpan.FromSeconds(60), null));
        Assert.Equal(
            [
                ("accepted", convo.Id, "Legacy failed in 1 attempt, 60000 ms"),
                ("accepted", convo.Id, "ExternalCommit succeeded in 2 attempts, 1500 ms, last error EpochMismatch"),
            ],
            (await service.Get<AuditLog>().LatestAsync(2, default)).Select(entry =>
                (entry.Outcome, entry.Subject!, entry.Reason!)
            )
        );
    }

    [Fact]
    public async Task A_retry_with_its_key_is_told_once()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        for (int i = 0; i < 2; i++)
            Assert.Equal(s_outcome, await Report(service, convo, bob, s_outcome, "key"));
        Assert.Single(
            await service.Get<AuditLog>().LatestAsync(20, default),
            entry => entry.Action == "reportRejoinOutcome"
        );
    }

    [Theory]
    [InlineData("what Bob wrote to Alice")]
    [InlineData("")]
    [InlineData("AnErrorWithANameThatIsLongerThanAnyErrorOfThisServiceWillEverHave")]
    public async Task An_error_is_a_name_and_not_a_text(string lastError)
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        Assert.Equal(
            "InvalidRequest",
            (
                await Assert.ThrowsAsync<RefusedException>(() =>
                    Report(service, convo, bob, s_outcome with { LastError = lastError })
                )
            )
                .Refusal
                .Error
        );
    }

    [Fact]
    public async Task Only_a_member_with_the_device_tells()
    {
        await using var service = await Service.StartAsync();
        var (convo, _, bob) = await service.AliceAndBobAsync();
        var mallory = await service.EnrolAsync("did:example:mallory", "phone");
        Assert.Equal(
            "Unauthorized",
            (await Assert.ThrowsAsync<RefusedException>(() => Report(service, convo, mallory, s_outcome))).Refusal.Error
        );
        Assert.Equal(
            "Unauthorized",
            (
                await Assert.ThrowsAsync<RefusedException>(() =>
                    Report(service, convo, bob with { DeviceId = "no-such" }, s_outcome)
                )
            )
                .Refusal
                .Error
        );
    }

    private static Task<RejoinOutcome> Report(
        Service service,
        TestConvo convo,
        TestDevice device,
        RejoinOutcome outcome,
        string? key = null
    ) => service.Get<RejoinOutcomes>().ReportAsync(device.Caller, convo.Id, device.DeviceId, outcome, key, default);
}
