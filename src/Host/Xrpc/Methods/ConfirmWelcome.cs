using MlsConsole.Core.Welcomes;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ConfirmWelcome
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<ConfirmWelcomeInput, ConfirmWelcomeOutput>(
            Lexicons.ConfirmWelcome,
            BodyLimit.Small,
            async (call, input) =>
            {
                var result = await call.Feature<WelcomeDelivery>()
                    .ConfirmWelcomeAsync(
                        call.Caller,
                        new(input.Id, input.Success, input.ErrorDetails, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { Confirmed = result.Confirmed };
            }
        );
}
