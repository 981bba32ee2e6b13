using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Calls;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Welcomes;

/// <summary>A Welcome that a device has not confirmed yet.</summary>
/// <param name="Id">The id of the delivery to this device.</param>
/// <param name="ConvoId">The conversation that the device was added to.</param>
/// <param name="Epoch">The epoch that the Welcome leads to.</param>
/// <param name="Welcome">The Welcome as an MLSMessage.</param>
/// <param name="RatchetTree">The tree of that epoch, as the content of a ratchet_tree extension.</param>
public sealed record WaitingWelcome(string Id, string ConvoId, ulong Epoch, byte[] Welcome, byte[] RatchetTree);

/// <summary>The input of confirmWelcome.</summary>
/// <param name="Id">The id of the delivery, which getWelcomes gave.</param>
/// <param name="Success">Whether the device could use the Welcome.</param>
/// <param name="ErrorDetails">Why the device could not use the Welcome; null if it could or does not say.</param>
/// <param name="IdempotencyKey">The caller's key for retries; without a key a retry is carried out again.</param>
public sealed record ConfirmWelcomeRequest(string Id, bool Success, string? ErrorDetails, string? IdempotencyKey);

/// <summary>The answer to confirmWelcome.</summary>
/// <param name="Confirmed">Always true: the delivery has ended.</param>
public sealed record ConfirmWelcomeResult(bool Confirmed);

/// <summary>
/// Delivers Welcomes to devices (delivery-service §8.2): a device gets its Welcome again and again until it confirms
/// the Welcome.
/// </summary>
public sealed class WelcomeDelivery
{
    private const int MaxWelcomes = 50;

    private static readonly CompiledQuery<
        Func<MlsDbContext, string, string, IAsyncEnumerable<WaitingWelcome>>
    > s_unconfirmed = new(() =>
        EF.CompileAsyncQuery(
            (MlsDbContext context, string did, string deviceId) =>
                context
                    .Set<Device>()
                    .Where(device => device.Did == did && device.DeviceId == deviceId && device.DeletedAt == null)
                    .Join(
                        context.Set<WelcomeRecipient>().Where(recipient => recipient.ConfirmedAt == null),
                        device => device.Id,
                        recipient => recipient.DeviceRow,
                        (_, recipient) => recipient
                    )
                    .OrderBy(recipient => recipient.CreatedAt)
                    .Take(MaxWelcomes)
                    .Join(
                        context.Set<WelcomeContent>(),
                        recipient => new { recipient.ConvoId, recipient.Epoch },
                        content => new { content.ConvoId, content.Epoch },
                        (recipient, content) =>
                            new WaitingWelcome(
                                recipient.Id,
                                recipient.ConvoId,
                                (ulong)recipient.Epoch,
                                content.Welcome,
                                content.RatchetTree
                            )
                    )
        )
    );

    private readonly CallRunner _calls;
    private readonly Database _database;
    private readonly TimeProvider _clock;

    internal WelcomeDelivery(CallRunner calls, Database database, TimeProvider clock) =>
        (_calls, _database, _clock) = (calls, database, clock);

    /// <summary>The unconfirmed Welcomes of one of the caller's devices, oldest first, at most 50.</summary>
    public async Task<IReadOnlyList<WaitingWelcome>> GetWelcomesAsync(
        Caller caller,
        string deviceId,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        await using var context = _database.Read();
        return await s_unconfirmed.For(context)(context, did, deviceId).ToListAsync(cancellation);
    }

    /// <summary>
    /// Ends the delivery of a Welcome, whether the device could use the Welcome or not. The first confirmation stands.
    /// </summary>
    /// <exception cref="RefusedException">WelcomeNotFound or IdempotencyConflict</exception>
    public Task<ConfirmWelcomeResult> ConfirmWelcomeAsync(
        Caller caller,
        ConfirmWelcomeRequest input,
        CancellationToken cancellation
    )
    {
        string did = caller.Did.Value;
        var call = Call.Procedure(
            caller,
            MethodNames.ConfirmWelcome,
            input.Id,
            input.IdempotencyKey,
            input.Id,
            new[] { input.Success ? (byte)1 : (byte)0 }
        );
        return _calls.RunAsync(
            call,
            async context =>
            {
                var recipient =
                    await context
                        .Set<WelcomeRecipient>()
                        .AsTracking()
                        .FirstOrDefaultAsync(row =>
                            row.Id == input.Id
                            && context.Set<Device>().Any(device => device.Id == row.DeviceRow && device.Did == did)
                        )
                    ?? throw Refusal.WelcomeNotFound.AsException();
                recipient.ConfirmedAt ??= _clock.GetUtcNow();
                recipient.Success ??= input.Success;
                recipient.ErrorDetails ??= input.ErrorDetails;
                return new CallResult<ConfirmWelcomeResult>(new(true));
            },
            cancellation
        );
    }
}
