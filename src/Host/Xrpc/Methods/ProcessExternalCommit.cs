using MlsConsole.Core.ExternalCommits;
using MlsConsole.Host.Startup;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class ProcessExternalCommit
{
    public static XrpcMethod Method { get; } =
        new ProcedureMethod<ProcessExternalCommitInput, ProcessExternalCommitOutput>(
            Lexicons.ProcessExternalCommit,
            BodyLimit.Commit,
            async (call, input) =>
            {
                call.ConvoId = input.ConvoId;
                // A demonstration of a slow service, in Development only: after the body was read, so that it is
                // measured.
                if (call.Feature<HostSettings>().DemoDelay is var delay && delay > TimeSpan.Zero)
                    await Task.Delay(delay, call.Cancellation);
                var result = await call.Feature<ExternalCommitProcessor>()
                    .ProcessExternalCommitAsync(
                        call.Caller,
                        new(
                            input.ConvoId,
                            WireValues.Bytes("externalCommit", input.ExternalCommit),
                            WireValues.Bytes("groupInfo", input.GroupInfo),
                            WireValues.OptionalBytes("ratchetTree", input.RatchetTree),
                            input.TurnId,
                            input.IdempotencyKey
                        ),
                        call.Cancellation
                    );
                call.Epoch = result.Epoch;
                return new()
                {
                    Epoch = (long)result.Epoch,
                    Seq = result.Seq,
                    RejoinedAt = result.AcceptedAt,
                };
            }
        );
}
