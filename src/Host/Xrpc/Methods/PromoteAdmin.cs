using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class PromoteAdmin
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<PromoteAdminInput, PromoteAdminOutput>(
            Lexicons.PromoteAdmin,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<Admins>()
                    .PromoteAdmin(
                        call.Caller,
                        new(input.ConvoId, Did.Parse(input.TargetDid), input.Reason, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { IsAdmin = result.IsAdmin };
            }
        );
}
