using MlsConsole.Mls;

namespace MlsConsole.Core.Log;

/// <summary>
/// A proposal of a member or of the service for the current epoch. The proposal has been verified, and its sender may
/// make it.
/// </summary>
/// <param name="Message">The proposal as an MLSMessage.</param>
/// <param name="Reference">The ProposalRef by which a commit names the proposal (RFC 9420 §5.2).</param>
/// <param name="Content">The proposal, its sender and its epoch.</param>
internal sealed record VerifiedProposal(byte[] Message, byte[] Reference, FramedContent Content);
