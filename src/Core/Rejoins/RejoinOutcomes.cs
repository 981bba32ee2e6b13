using MlsConsole.Core.Activity;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rejoins;

/// <summary>
/// Takes the reports of clients on how their rejoins ended (delivery-service §9). By them the rate at which clients
/// fall back from external commits to being added again is a measured figure.
/// </summary>
public sealed class RejoinOutcomes
{
    /// <summary>The largest number of letters in the name of an error.</summary>
    public const int MaxErrorLength = 64;

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly ExternalCommitsFlag _flag;

    internal RejoinOutcomes(CallRunner calls, Database database, ExternalCommitsFlag flag) =>
        (_calls, _database, _flag) = (calls, database, flag);

    /// <summary>
    /// Writes an outcome to the audit log. Outcomes are counted by those who listen to
    /// <see cref="RequestAnswered.Rejoin"/>.
    /// </summary>
    /// <param name="caller">Whose device reports.</param>
    /// <param name="convoId">The conversation that the device rejoined, or tried to rejoin.</param>
    /// <param name="deviceId">The device, by the id that its account gave it.</param>
    /// <param name="outcome">What the device reports.</param>
    /// <param name="idempotencyKey">The caller's key for retries; without a key a retry is carried out again.</param>
    /// <param name="cancellation">Ends the decision, not the write.</param>
    /// <returns>The outcome as it was reported.</returns>
    /// <exception cref="RefusedException">
    /// Unauthorized: the caller is not a member with this device. InvalidRequest: the last error is not a name of 1 to
    /// <see cref="MaxErrorLength"/> letters. IdempotencyConflict.
    /// </exception>
    public Task<RejoinOutcome> ReportAsync(
        Caller caller,
        string convoId,
        string deviceId,
        RejoinOutcome outcome,
        string? idempotencyKey,
        CancellationToken cancellation
    )
    {
        var call = Call.Procedure(
            caller,
            MethodNames.ReportRejoinOutcome,
            convoId,
            idempotencyKey,
            convoId,
            deviceId,
            outcome.ToString()
        );
        return _calls.RunAsync<RejoinOutcome>(
            call,
            async () =>
            {
                // People read this text in the audit log, and it becomes the label of a metric: only names of errors
                // are taken, so that no sentence about a user gets there.
                if (
                    outcome.LastError is { } error
                    && (error.Length is 0 or > MaxErrorLength || !error.All(char.IsAsciiLetter))
                )
                    throw Refusal.InvalidRequest("lastError is the name of an error: 1 to 64 letters.").AsException();
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, convoId, cancellation);
                if (!access.Devices.Any(device => device.DeviceId == deviceId))
                    throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
                // The flag refuses no report; it says whether the rejoin was one of the rollout.
                await _flag.IsOnForAsync(caller);
                string told = Describe(outcome);
                return new RecordChange<RejoinOutcome>(new(outcome, Reason: told));
            },
            cancellation
        );
    }

    private static string Describe(RejoinOutcome outcome)
    {
        string ended = outcome.Succeeded ? "succeeded" : "failed";
        string attempts = outcome.Attempts == 1 ? "attempt" : "attempts";
        string lastError = outcome.LastError is null ? "" : $", last error {outcome.LastError}";
        return $"{outcome.Way} {ended} in {outcome.Attempts} {attempts}, "
            + $"{outcome.Elapsed.TotalMilliseconds} ms{lastError}";
    }
}
