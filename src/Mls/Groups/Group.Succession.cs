using System.Security.Cryptography;

namespace MlsConsole.Mls;

public sealed partial class Group
{
    /// <summary>
    /// Creates the group that a ReInit asks for (RFC 9420 §11.2), once the commit with the ReInit is merged.
    /// </summary>
    /// <param name="client">
    /// A client of this member with the new group's cipher suite. The group uses the client until the group is
    /// disposed.
    /// </param>
    /// <param name="members">The key packages of all other members, with the new cipher suite.</param>
    /// <returns>
    /// The new group, whose first commit is pending. The commit's Welcome goes to the other members, who join with the
    /// old group as their parent.
    /// </returns>
    /// <exception cref="InvalidOperationException">No ReInit has ended this group.</exception>
    /// <exception cref="ArgumentException">The client is of another cipher suite than the ReInit names.</exception>
    /// <exception cref="MlsException">A key package is not acceptable.</exception>
    public Group CreateReinitialized(Client client, IReadOnlyList<UnverifiedKeyPackage> members)
    {
        var reInit = ReInit ?? throw new InvalidOperationException("No ReInit has ended this group.");
        if (client.Suite.Id != reInit.CipherSuite)
            throw new ArgumentException("The client is of another cipher suite than the ReInit names.", nameof(client));
        return CreateSuccessor(client, reInit.GroupId, reInit.Extensions, ResumptionUsage.ReInit, members);
    }

    /// <summary>Creates a group of some members of this group (RFC 9420 §11.3).</summary>
    /// <param name="members">New key packages of those members.</param>
    /// <param name="groupId">A unique id of the new group; 16 random bytes where null.</param>
    /// <returns>
    /// The new group, whose first commit is pending. The commit's Welcome goes to its members, who join with this group
    /// as their parent.
    /// </returns>
    /// <exception cref="InvalidOperationException">The group has ended for this member.</exception>
    /// <exception cref="MlsException">A key package is not acceptable.</exception>
    public Group Branch(IReadOnlyList<UnverifiedKeyPackage> members, ReadOnlyMemory<byte>? groupId = null)
    {
        RequireLive();
        return CreateSuccessor(_client, groupId, _epoch.Group.Context.Extensions, ResumptionUsage.Branch, members);
    }

    private Group CreateSuccessor(
        Client client,
        ReadOnlyMemory<byte>? groupId,
        Extensions extensions,
        ResumptionUsage usage,
        IReadOnlyList<UnverifiedKeyPackage> members
    )
    {
        var successor = Create(client, groupId, extensions);
        successor.KnowResumptionKeyOf(this);
        var key = PreSharedKeyId.Resumption(
            usage,
            GroupId,
            CurrentEpoch,
            RandomNumberGenerator.GetBytes(client.Suite.HashLength)
        );
        successor.Commit(new() { Add = members, PreSharedKeys = [key] });
        return successor;
    }

    internal void KnowResumptionKeyOf(Group other) =>
        _resumption.Add(other.GroupId, other.CurrentEpoch, other._epoch.Secrets.ResumptionPsk);

    /// <summary>
    /// RFC 9420 §11.2, §11.3: checks that a group which claims to be reinitialised or branched from another one
    /// really is.
    /// </summary>
    private static void RequireSuccession(IReadOnlyList<PreSharedKeyId> keys, PublicGroup group, Group? parent)
    {
        var links = keys.Where(id =>
                id is { Type: PreSharedKeyType.Resumption, Usage: not ResumptionUsage.Application }
            )
            .ToList();
        if (links.Count == 0)
            return;
        MlsException.Require(links.Count == 1 && group.Epoch == 1, Rules.WelcomeResumption);
        if (parent is null)
            throw new MlsException(Rules.PreSharedKeyUnknown);
        if (links[0].Usage == ResumptionUsage.ReInit)
        {
            MlsException.Require(
                parent.ReInit is { } reInit
                    && links[0].Epoch == parent.CurrentEpoch
                    && group.CipherSuite == reInit.CipherSuite
                    && group.GroupId.Span.SequenceEqual(reInit.GroupId.Span)
                    && group.Context.Extensions.SameAs(reInit.Extensions)
                    && AreAllIn(parent.PublicGroup, group),
                Rules.WelcomeReInit
            );
            return;
        }
        MlsException.Require(
            group.CipherSuite == parent.PublicGroup.CipherSuite && AreAllIn(group, parent.PublicGroup),
            Rules.WelcomeBranch
        );
    }

    private static bool AreAllIn(PublicGroup some, PublicGroup all) =>
        some.Members.All(member => all.Members.Any(other => other.Leaf.Credential.SameAs(member.Leaf.Credential)));
}
