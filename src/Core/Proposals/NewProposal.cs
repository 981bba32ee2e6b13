using Microsoft.EntityFrameworkCore;
using MlsConsole.Mls;

namespace MlsConsole.Core;

/// <summary>A member's proposal for the current epoch: verified, of a sender that may make it, and such that any member may commit it.</summary>
/// <param name="Message">MLSMessage.</param>
/// <param name="Reference">The ProposalRef by which a commit names it.</param>
/// <param name="Content">What it says.</param>
internal sealed record NewProposal(byte[] Message, byte[] Reference, FramedContent Content)
{
    /// <summary>Verifies a proposal of the caller.</summary>
    /// <remarks>All that can be known of it alone is judged here. A commit that names it is not asked for its authorisation again.</remarks>
    /// <exception cref="RefusedException">InvalidProposal, EpochMismatch or NotAdmin.</exception>
    public static async Task<NewProposal> VerifyAsync(
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
            var message = Handshakes.Decode(
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
        Handshakes.RequireSender(access, sender, owners, Refusal.InvalidProposal);
        if (content.Proposal is UpdateProposal)
            Handshakes.RequireSameOwner(sender, leaves[1], owners, Refusal.InvalidProposal);
        Authorisation.Require(access, content.Proposal!, group, owners, PendingRemovals.LeavesOf(pending));
        if (added is not null)
        {
            if (owners.Of(added.LeafNode) is null)
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
