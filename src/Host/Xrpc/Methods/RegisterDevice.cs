using MlsConsole.Core.Devices;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class RegisterDevice
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<RegisterDeviceInput, RegisterDeviceOutput>(
            Lexicons.RegisterDevice,
            BodyLimit.KeyPackages,
            async (call, input) =>
            {
                var result = await call.Feature<DeviceRegistry>()
                    .RegisterDeviceAsync(
                        call.Caller,
                        new(
                            input.DeviceId,
                            input.DeviceName,
                            WireValues.Bytes("signaturePublicKey", input.SignaturePublicKey),
                            WireValues.OptionalBytes("credentialIdentity", input.CredentialIdentity),
                            WireValues.KeyPackages(input.KeyPackages ?? []),
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                return new()
                {
                    DeviceId = result.DeviceId,
                    CredentialIdentity = Convert.ToBase64String(result.CredentialIdentity),
                };
            }
        );
}
