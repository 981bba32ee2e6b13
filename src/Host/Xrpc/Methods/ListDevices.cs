using MlsConsole.Core.Devices;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ListDevices
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<ListDevicesParameters, ListDevicesOutput>(
            Lexicons.ListDevices,
            async (call, _) =>
            {
                var devices = await call.Feature<DeviceRegistry>().ListDevicesAsync(call.Caller, call.Cancellation);
                return new()
                {
                    Devices =
                    [
                        .. devices.Select(device => new DeviceView
                        {
                            DeviceId = device.DeviceId,
                            DeviceName = device.DeviceName,
                            CredentialIdentity = Convert.ToBase64String(device.CredentialIdentity),
                            SignaturePublicKeys = [.. device.SignatureKeys.Select(Convert.ToBase64String)],
                            RegisteredAt = device.RegisteredAt,
                        }),
                    ],
                };
            }
        );
}
