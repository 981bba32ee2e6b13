using MlsConsole.Core;
using MlsConsole.Core.Membership;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

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
                    .DemoteAdminAsync(
                        call.Caller,
                        new(input.ConvoId, Did.Parse(input.TargetDid), input.Reason, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { IsAdmin = result.IsAdmin };
            }
        );
}
