using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class ConfirmWelcome
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<Lexicon.ConfirmWelcomeInput, ConfirmWelcomeOutput>(
            Lexicons.ConfirmWelcome,
            BodyLimit.Small,
            async (call, input) =>
            {
                var result = await call.Feature<Welcomes>()
                    .ConfirmWelcome(
                        call.Caller,
                        new(input.Id, input.Success, input.ErrorDetails, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { Confirmed = result.Confirmed };
            }
        );
}
