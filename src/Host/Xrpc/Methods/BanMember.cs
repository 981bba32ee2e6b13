using MlsConsole.Core;
using MlsConsole.Core.Membership;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class BanMember
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<BanMemberInput, BanMemberOutput>(
            Lexicons.BanMember,
            BodyLimit.Small,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                var result = await call.Feature<Bans>()
                    .BanMemberAsync(
                        call.Caller,
                        new(input.ConvoId, Did.Parse(input.TargetDid), input.Reason, input.IdempotencyKey),
                        call.Cancellation
                    );
                return new() { IsBanned = result.IsBanned };
            }
        );
}
