using MlsConsole.Core.Approvals;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class SetDeviceApproval
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<SetDeviceApprovalInput, SetDeviceApprovalOutput>(
            Lexicons.SetDeviceApproval,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                call.Epoch = (ulong)input.Epoch;
                var result = await call.Feature<DeviceApprovals>()
                    .SetDeviceApprovalAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            input.Required,
                            input.DeviceId,
                            (ulong)input.Epoch,
                            WireValues.Bytes("signature", input.Signature),
                            input.Reason,
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                return new() { Required = result.Required };
            }
        );
}
