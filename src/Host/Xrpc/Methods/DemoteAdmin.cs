using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class DemoteAdmin
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<DemoteAdminInput, DemoteAdminOutput>(
            Lexicons.DemoteAdmin,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<Admins>()
                    .DemoteAdmin(
                        call.Caller,
                        new(input.ConvoId, Did.Parse(input.TargetDid), input.Reason, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { IsAdmin = result.IsAdmin };
            }
        );
}
