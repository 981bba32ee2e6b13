using MlsConsole.Core.Conversations;
using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc.Methods;

internal static class GetCommits
{
    public static XrpcMethod Method { get; } =
        new QueryMethod<GetCommitsParameters, GetCommitsOutput>(
            Lexicons.GetCommits,
            async (call, parameters) =>
            {
                call.ConvoId = parameters.ConvoId;
                var commits = await call.Feature<ConversationReader>()
                    .GetCommitsAsync(
                        call.Caller,
                        new(
                            parameters.ConvoId,
                            (ulong)WireValues.Number("fromEpoch", parameters.FromEpoch),
                            parameters.ToEpoch is { } to ? (ulong)WireValues.Number("toEpoch", to) : null
                        ),
                        call.Cancellation
                    );
                return new()
                {
                    Commits =
                    [
                        .. commits.Select(commit => new CommitView
                        {
                            Epoch = (long)commit.Epoch,
                            Seq = commit.Seq,
                            Commit = Convert.ToBase64String(commit.Commit),
                            External = commit.External,
                            Proposals =
                                commit.Proposals.Count == 0
                                    ? null
                                    : [.. commit.Proposals.Select(Convert.ToBase64String)],
                            CreatedAt = commit.CreatedAt,
                        }),
                    ],
                };
            }
        );
}
