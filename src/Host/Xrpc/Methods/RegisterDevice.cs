using MlsConsole.Core;
using MlsConsole.Lexicon;
using NewKeyPackage = MlsConsole.Core.NewKeyPackage;

namespace MlsConsole.Host;

internal static class RegisterDevice
{
    public static XrpcMethod Method { get; } = new ProcedureMethod<Lexicon.RegisterDeviceInput, RegisterDeviceOutput>(Lexicons.RegisterDevice, BodyLimit.KeyPackages, async (call, input) =>
    {
        var packages = (input.KeyPackages ?? []).Select((package, i) => new NewKeyPackage(WireValues.Bytes($"keyPackages[{i}].keyPackage", package.KeyPackage), package.LastResort ?? false)).ToList();
        var result = await call.Feature<Devices>().RegisterDevice(call.Caller, new(
            input.DeviceId, input.DeviceName, WireValues.Bytes("signaturePublicKey", input.SignaturePublicKey),
            WireValues.OptionalBytes("credentialIdentity", input.CredentialIdentity), packages, input.IdempotencyKey), call.Cancellation);
        return new() { DeviceId = result.DeviceId, CredentialIdentity = Convert.ToBase64String(result.CredentialIdentity) };
    });
}
