using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class GetWelcomes
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetWelcomesParameters, GetWelcomesOutput>(
            Lexicons.GetWelcomes,
            async (call, parameters) =>
            {
                var welcomes = await call.Feature<Welcomes>()
                    .GetWelcomes(call.Caller, parameters.DeviceId, call.Cancellation);
                return new()
                {
                    Welcomes =
                    [
                        .. welcomes.Select(welcome => new Lexicon.WelcomeView
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
