using System.Text;

namespace MlsConsole.Core;

/// <summary>By which way a device came back, or tried to.</summary>
public enum RejoinWay
{
    ExternalCommit,
    Legacy,
}

/// <param name="Way">The way that was tried last.</param>
/// <param name="Succeeded">Whether the device is back in its group.</param>
/// <param name="Attempts">How many it took, all ways together.</param>
/// <param name="Elapsed">From the first attempt to the end.</param>
/// <param name="LastError">The name of the last error that the client met, letters only; null if there was none.</param>
public sealed record RejoinOutcome(RejoinWay Way, bool Succeeded, int Attempts, TimeSpan Elapsed, string? LastError);

/// <summary>What clients tell of their rejoins, so that the fallback rate is a measured figure.</summary>
public sealed class RejoinOutcomes
{
    /// <summary>Longest name of an error.</summary>
    public const int MaxErrorLength = 64;

    private readonly Attempts _attempts;
    private readonly Database _database;

    internal RejoinOutcomes(Attempts attempts, Database database) => (_attempts, _database) = (attempts, database);

    /// <summary>Writes the outcome to the audit log. Counting it is for those who listen to <see cref="Activity.Rejoin"/>.</summary>
    /// <exception cref="RefusedException">Unauthorized: not a member with this device. InvalidRequest: lastError is no name.</exception>
    public Task<RejoinOutcome> Report(
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
                    throw Refusal.Unauthorized(nameof(RejoinReason.NoDevice)).AsException();
                string told =
                    $"{outcome.Way} {(outcome.Succeeded ? "succeeded" : "failed")} in {outcome.Attempts} {(outcome.Attempts == 1 ? "attempt" : "attempts")}, {outcome.Elapsed.TotalMilliseconds} ms{(outcome.LastError is null ? "" : $", last error {outcome.LastError}")}";
                return await _attempts.RecordAsync(attempt, outcome, told, cancellation);
            },
            cancellation
        );
    }
}
