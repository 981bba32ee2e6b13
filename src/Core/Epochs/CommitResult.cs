namespace MlsConsole.Core.Epochs;

/// <summary>The answer to a commit.</summary>
/// <param name="Epoch">The epoch that the commit created.</param>
/// <param name="Seq">Its place in the conversation's log.</param>
/// <param name="AcceptedAt">When it was written.</param>
public sealed record CommitResult(ulong Epoch, long Seq, DateTimeOffset AcceptedAt);
