namespace MlsConsole.Core.Epochs;

/// <summary>The answer to a commit.</summary>
/// <param name="Epoch">The epoch that the commit created.</param>
/// <param name="Seq">The commit's sequence number in the conversation's log.</param>
/// <param name="AcceptedAt">When the commit was accepted.</param>
public sealed record CommitResult(ulong Epoch, long Seq, DateTimeOffset AcceptedAt);
