using MlsConsole.Core.Approvals;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ApproveDevice
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<ApproveDeviceInput, ApproveDeviceOutput>(
            Lexicons.ApproveDevice,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                call.Epoch = (ulong)input.Epoch;
                var result = await call.Feature<DeviceApprovals>()
                    .ApproveDeviceAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            input.DeviceId,
                            WireValues.Bytes("signaturePublicKey", input.SignaturePublicKey),
                            input.ApprovingDeviceId,
                            (ulong)input.Epoch,
                            WireValues.Bytes("signature", input.Signature),
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                return new() { ApprovedAt = result.ApprovedAt };
            }
        );
}
