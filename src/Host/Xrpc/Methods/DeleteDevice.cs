using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class DeleteDevice
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<Lexicon.DeleteDeviceInput, DeleteDeviceOutput>(
            Lexicons.DeleteDevice,
            BodyLimit.Small,
            async (call, input) =>
            {
                var result = await call.Feature<Devices>()
                    .DeleteDevice(call.Caller, new(input.DeviceId, input.IdempotencyKey), call.Cancellation);
                return new() { DeletedAt = result.DeletedAt, RemainingLeaves = result.RemainingLeaves };
            }
        );
}
