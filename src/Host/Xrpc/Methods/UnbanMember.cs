using MlsConsole.Core;
using MlsConsole.Lexicon;

namespace MlsConsole.Host;

internal static class UnbanMember
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<UnbanMemberInput, UnbanMemberOutput>(
            Lexicons.UnbanMember,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<Bans>()
                    .UnbanMember(
                        call.Caller,
                        new(input.ConvoId, Did.Parse(input.TargetDid), input.Reason, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { IsBanned = result.IsBanned };
            }
        );
}
