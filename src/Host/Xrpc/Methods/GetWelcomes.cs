using MlsConsole.Core.Welcomes;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetWelcomes
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetWelcomesParameters, GetWelcomesOutput>(
            Lexicons.GetWelcomes,
            async (call, parameters) =>
            {
                var welcomes = await call.Feature<WelcomeDelivery>()
                    .GetWelcomesAsync(call.Caller, parameters.DeviceId, call.Cancellation);
                return new()
                {
                    Welcomes =
                    [
                        .. welcomes.Select(welcome => new WelcomeView
                        {
                            Id = welcome.Id,
                            ConvoId = welcome.ConvoId,
                            Epoch = (long)welcome.Epoch,
                            Welcome = Convert.ToBase64String(welcome.Welcome),
                            RatchetTree = Convert.ToBase64String(welcome.RatchetTree),
                        }),
                    ],
                };
            }
        );
}
