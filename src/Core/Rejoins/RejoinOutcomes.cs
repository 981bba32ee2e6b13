using System.Text;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Idempotency;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Rejoins;

/// <summary>What clients tell of their rejoins, so that the fallback rate is a measured figure.</summary>
public sealed class RejoinOutcomes
{
    /// <summary>Longest name of an error.</summary>
    public const int MaxErrorLength = 64;

    private readonly Attempts _attempts;
    private readonly Database _database;

    internal RejoinOutcomes(Attempts attempts, Database database) => (_attempts, _database) = (attempts, database);

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
        var attempt = new Attempt(
            caller,
            "reportRejoinOutcome",
            convoId,
            idempotencyKey,
            Attempt.HashOf(
                Encoding.UTF8.GetBytes(convoId),
                Encoding.UTF8.GetBytes(deviceId),
                Encoding.UTF8.GetBytes(outcome.ToString())
            )
        );
        return _attempts.RunAsync(
            attempt,
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
                string told =
                    $"{outcome.Way} {(outcome.Succeeded ? "succeeded" : "failed")} in {outcome.Attempts} {(outcome.Attempts == 1 ? "attempt" : "attempts")}, {outcome.Elapsed.TotalMilliseconds} ms{(outcome.LastError is null ? "" : $", last error {outcome.LastError}")}";
                return await _attempts.RecordAsync(attempt, outcome, told, cancellation);
            },
            cancellation
        );
    }
}
