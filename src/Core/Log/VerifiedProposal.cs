using MlsConsole.Mls;

namespace MlsConsole.Core.Log;

/// <summary>A member's or the service's proposal for the current epoch, verified, by a sender who may make it.</summary>
/// <param name="Message">MLSMessage.</param>
/// <param name="Reference">The ProposalRef by which a commit names the proposal (RFC 9420 §5.2).</param>
/// <param name="Content">What the proposal says.</param>
internal sealed record VerifiedProposal(byte[] Message, byte[] Reference, FramedContent Content);
