using MlsConsole.Core.Activity;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rejoins;

/// <summary>What clients tell of their rejoins, so that the fallback rate is a measured figure.</summary>
public sealed class RejoinOutcomes
{
    /// <summary>Longest name of an error.</summary>
    public const int MaxErrorLength = 64;

    private readonly CallRunner _calls;
    private readonly Database _database;

    internal RejoinOutcomes(CallRunner calls, Database database) => (_calls, _database) = (calls, database);

    /// <summary>Writes the outcome to the audit log. Counting it is for those who listen to <see cref="RequestAnswered.Rejoin"/>.</summary>
    /// <exception cref="RefusedException">Unauthorized: not a member with this device. InvalidRequest: lastError is no name.</exception>
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
                // What clients write here is read by people and machines: names of errors, never sentences about users.
                if (
                    outcome.LastError is { } error
                    && (error.Length is 0 or > MaxErrorLength || !error.All(char.IsAsciiLetter))
                )
                    throw Refusal.InvalidRequest("lastError is the name of an error: 1 to 64 letters.").AsException();
                await using var context = _database.Read();
                var access = await Access.RequireMemberAsync(context, caller, convoId, cancellation);
                if (!access.Devices.Any(device => device.DeviceId == deviceId))
                    throw Refusal.Unauthorized(RefusalReasons.NoDevice).AsException();
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
