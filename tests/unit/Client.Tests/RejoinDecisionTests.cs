namespace MlsConsole.Clients.Tests;

public sealed class RejoinDecisionTests
{
    private static readonly MlsClientOptions s_options = new()
    {
        Service = new("http://127.0.0.1"),
        ServiceDid = "did:web:localhost",
        Did = "did:web:alice",
        DeviceId = "phone",
        Tokens = (_, _, _) => default,
        RejoinAttempts = 3,
        RejoinTurns = 2,
        LongestWait = TimeSpan.FromSeconds(30),
    };

    [Theory]
    [InlineData("EpochMismatch", 1, 0, 0, RejoinStep.Again)]
    [InlineData("EpochMismatch", 2, 0, 5, RejoinStep.Again)]
    [InlineData("EpochMismatch", 3, 0, 0, RejoinStep.AskMembers)]
    [InlineData("GhostLeaf", 1, 0, 0, RejoinStep.Again)]
    [InlineData("RateLimitExceeded", 1, 0, 30, RejoinStep.Again)]
    [InlineData("RateLimitExceeded", 1, 0, 31, RejoinStep.AskMembers)]
    [InlineData("TurnPending", 3, 0, 5, RejoinStep.WaitForTurn)]
    [InlineData("TurnPending", 1, 2, 0, RejoinStep.AskMembers)]
    [InlineData("ExternalCommitsDisabled", 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData("GroupInfoUnavailable", 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData("InvalidCommit", 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData("InvalidGroupInfo", 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData("TooManyMembers", 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData(ClientErrors.InvalidAnswer, 1, 0, 0, RejoinStep.AskMembers)]
    [InlineData("Unauthorized", 1, 0, 0, RejoinStep.GiveUp)]
    [InlineData("DeviceNotApproved", 1, 0, 0, RejoinStep.AwaitApproval)]
    [InlineData("DeviceNotApproved", 3, 2, 31, RejoinStep.AwaitApproval)]
    [InlineData("AuthenticationRequired", 1, 0, 0, RejoinStep.GiveUp)]
    [InlineData(ClientErrors.Unreachable, 1, 0, 0, RejoinStep.GiveUp)]
    [InlineData(ClientErrors.OtherBranch, 1, 0, 0, RejoinStep.GiveUp)]
    [InlineData("AnErrorOfALaterService", 1, 0, 0, RejoinStep.GiveUp)]
    public void After_an_external_commit_the_next_step_follows_from_its_name_and_the_bounds(
        string error,
        int attempts,
        int turns,
        int retryAfter,
        object step
    )
    {
        var decision = RejoinDecision.AfterExternalCommit(
            new(error, "") { RetryAfter = TimeSpan.FromSeconds(retryAfter) },
            attempts,
            turns,
            s_options
        );
        Assert.Equal((RejoinStep)step, decision.Step);
        if (decision.Step is RejoinStep.Again or RejoinStep.WaitForTurn)
            Assert.Equal(TimeSpan.FromSeconds(retryAfter), decision.Wait);
    }

    [Theory]
    [InlineData("DeviceNotApproved", RejoinStep.AwaitApproval)]
    [InlineData("Unauthorized", RejoinStep.GiveUp)]
    [InlineData("InvalidKeyPackage", RejoinStep.GiveUp)]
    [InlineData(ClientErrors.Unreachable, RejoinStep.GiveUp)]
    [InlineData("AnErrorOfALaterService", RejoinStep.GiveUp)]
    public void After_members_could_not_be_asked_a_device_that_lacks_an_approval_awaits_it(string error, object step) =>
        Assert.Equal(new((RejoinStep)step), RejoinDecision.AfterAskingMembers(new(error, "")));
}
