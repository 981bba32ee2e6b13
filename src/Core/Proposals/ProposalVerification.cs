using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Groups;
using MlsConsole.Core.Log;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;

namespace MlsConsole.Core.Proposals;

/// <summary>
/// Verifies a proposal of a member for the current epoch, so that any member may name it in a commit.
/// </summary>
internal static class ProposalVerification
{
    /// <summary>Verifies a proposal of the caller.</summary>
    /// <remarks>
    /// Everything that can be known of the proposal alone is judged here, also whether its sender may make it. When a
    /// commit names the proposal, the sender's authorisation is not judged again.
    /// </remarks>
    /// <exception cref="RefusedException">
    /// InvalidProposal: the proposal breaks a rule. EpochMismatch: it is for another epoch. NotAdmin: only an admin may
    /// propose this.
    /// </exception>
    public static async Task<VerifiedProposal> VerifyAsync(
        MlsDbContext context,
        Access access,
        PublicGroup group,
        ReadOnlyMemory<byte> bytes,
        IReadOnlyList<PendingLeaf> pending,
        DateTimeOffset now,
        CancellationToken cancellation
    )
    {
        var (authenticated, added) = Checked(() =>
        {
            var message = HandshakeMessages.Decode(
                bytes,
                access.Conversation,
                ContentType.Proposal,
                DeliveryRules.NotAProposal
            );
            if (message.Content.Sender.Type != SenderType.Member)
                throw new MlsException(DeliveryRules.NotAProposal);
            var proposal = group.Authenticate(message);
            return (proposal, group.VerifyProposal(proposal, now));
        });
        var content = authenticated.Content;
        var sender = group.Leaf(new(content.Sender.Index))!;
        List<LeafNode> leaves = [sender];
        if (content.Proposal is RemoveProposal remove)
            leaves.Add(group.Leaf(remove.Removed)!);
        if (content.Proposal is UpdateProposal update)
            leaves.Add(update.LeafNode);
        if (added is not null)
            leaves.Add(added.LeafNode);
        var owners = await LeafOwners.FindAsync(context, leaves, cancellation);
        SenderRules.RequireSender(access, sender, owners, Refusal.InvalidProposal);
        if (content.Proposal is UpdateProposal)
            SenderRules.RequireSameOwner(sender, leaves[1], owners, Refusal.InvalidProposal);
        Authorisation.Require(access, content.Proposal!, group, owners, PendingRemovals.LeavesOf(pending));
        if (added is not null)
        {
            if (owners.DeviceOf(added.LeafNode) is null)
                throw Refusal.InvalidProposal(DeliveryRules.LeafNotEnrolled.Id).AsException();
            var reference = added.Reference.ToArray();
            if (!await context.Set<KeyPackageRow>().AnyAsync(row => row.Reference == reference, cancellation))
                throw Refusal.InvalidProposal(DeliveryRules.KeyPackageNotPublished.Id).AsException();
        }
        return new(bytes.ToArray(), group.ReferenceOf(authenticated), content);
    }

    private static T Checked<T>(Func<T> verify)
    {
        try
        {
            return verify();
        }
        catch (MlsException broken)
        {
            throw Refusal.InvalidProposal(broken.Rule.Id).AsException();
        }
    }
}
