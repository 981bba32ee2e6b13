using MlsConsole.Core.Devices;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class DeleteDevice
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<DeleteDeviceInput, DeleteDeviceOutput>(
            Lexicons.DeleteDevice,
            BodyLimit.Small,
            async (call, input) =>
            {
                var result = await call.Feature<DeviceRegistry>()
                    .DeleteDeviceAsync(call.Caller, new(input.DeviceId, input.IdempotencyKey), call.Cancellation);
                return new() { DeletedAt = result.DeletedAt, RemainingLeaves = result.RemainingLeaves };
            }
        );
}
