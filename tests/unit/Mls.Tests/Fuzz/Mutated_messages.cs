using MlsConsole.TestKit;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// Valid messages that are mutated. Whatever a mutation changes, the answer is a result or an
/// <see cref="MlsException"/>, and the memory that it takes stays in proportion to the input.
/// </summary>
public class Mutated_messages(ITestOutputHelper output)
{
    private const int Seed = 9420;

    /// <summary>
    /// How many bytes decoding may allocate for each byte of input. The smallest element that becomes an object, a
    /// reference of two bytes in a commit, becomes 40 bytes in a list that doubles.
    /// </summary>
    private const int DecodePerByte = 100;

    /// <summary>
    /// How many bytes processing may allocate besides, for hashes, a path of the tree and the sets of keys of this
    /// group, whatever the message is.
    /// </summary>
    private const int ProcessConstant = 256 * 1024;

    private sealed class Counts
    {
        public int Decoded,
            Authenticated,
            Staged,
            Accepted,
            Resigned,
            PastSignature;
    }

    [Fact, Trait("Category", "Slow")]
    public void Two_hundred_thousand_mutations_end_in_a_result_or_an_MlsException() => Run(200_000);

    [Fact]
    public void Ten_thousand_mutations_end_in_a_result_or_an_MlsException() => Run(10_000);

    private void Run(int mutations)
    {
        var scene = new Scene();
        var all = new Counts();
        Parallel.For(
            0,
            8,
            part =>
            {
                var random = new Random(Seed + part);
                var counts = new Counts();
                for (int i = 0; i < mutations / 8; i++)
                {
                    if (i % 3 == 0)
                        Resigned(scene, random, counts);
                    else
                        Plain(scene, random, counts);
                }
                lock (all)
                {
                    all.Decoded += counts.Decoded;
                    all.Authenticated += counts.Authenticated;
                    all.Staged += counts.Staged;
                    all.Accepted += counts.Accepted;
                    all.Resigned += counts.Resigned;
                    all.PastSignature += counts.PastSignature;
                }
            }
        );
        output.WriteLine(
            $"seed {Seed}: {mutations} mutations, {all.Resigned} of them signed anew "
                + $"and {all.PastSignature} of those past the signature; {all.Decoded} decoded, "
                + $"{all.Authenticated} authenticated, {all.Staged} staged, {all.Accepted} accepted"
        );
        Assert.True(all.PastSignature >= mutations / 4);
        Assert.All(
            (int[])[all.Decoded, all.Authenticated, all.Staged, all.Accepted],
            count => Assert.NotEqual(0, count)
        );
    }

    /// <summary>Any byte of any object, as it comes over the wire.</summary>
    private static void Plain(Scene scene, Random random, Counts counts)
    {
        var (kind, bytes) = scene.Objects[random.Next(scene.Objects.Count)];
        var mutated = Mutation.Mutate(bytes, random);
        Bounded(
            mutated.Length,
            () =>
            {
                switch (kind)
                {
                    case Kind.Tree:
                        RatchetTree.Decode(scene.Group.Suite, mutated);
                        break;
                    case Kind.GroupInfo:
                        UnverifiedGroupInfo.Decode(mutated);
                        break;
                    case Kind.KeyPackage:
                        UnverifiedKeyPackage.Decode(mutated);
                        break;
                    default:
                        MlsMessage.Decode(mutated);
                        break;
                }
                counts.Decoded++;
            },
            ProcessConstant / 16
        );
        Bounded(
            mutated.Length,
            () =>
            {
                switch (kind)
                {
                    case Kind.Commit:
                        Process(scene, MlsMessage.Decode(mutated).PublicMessage, counts);
                        break;
                    case Kind.KeyPackage:
                        UnverifiedKeyPackage.Decode(mutated).Verify(null);
                        break;
                    case Kind.GroupInfo:
                        scene.Group.Group.VerifyGroupInfo(UnverifiedGroupInfo.Decode(mutated), null);
                        break;
                }
            },
            ProcessConstant
        );
    }

    /// <summary>
    /// A commit whose content or leaf is mutated and then signed by its committer, so that the signature verifies.
    /// </summary>
    private static void Resigned(Scene scene, Random random, Counts counts)
    {
        counts.Resigned++;
        var (commit, signer) = scene.Commits[random.Next(scene.Commits.Count)];
        var (content, decoded) = MutatedCommit(commit.Content, random);
        Bounded(
            content.Encoded.Length,
            () =>
            {
                counts.Decoded++;
                // Now and then the leaf is signed anew as well, so that a changed path gets past its signature too.
                if (decoded.Path is { } path && random.Next(2) == 0)
                    content = scene.WithSignedLeaf(content, decoded, path, signer);
                var signature = scene.Group.Suite.SignWithLabel(
                    signer.SignatureKey.PrivateKey,
                    "FramedContentTBS",
                    content.ToBeSigned(WireFormat.PublicMessage, scene.Group.Group.Context).WrittenSpan
                );
                var message = new PublicMessage(
                    content,
                    new(signature, commit.Auth.ConfirmationTag),
                    content.Sender.Type == SenderType.Member ? new byte[32] : default(ReadOnlyMemory<byte>?)
                );
                int before = counts.Authenticated;
                StagedCommit? staged;
                try
                {
                    staged = Process(scene, message, counts);
                }
                finally
                {
                    counts.PastSignature += counts.Authenticated - before;
                }
                if (staged is null)
                    return;
                // A GroupInfo of the staged state, right or mutated.
                var info = TestGroup.SignGroupInfo(
                    signer,
                    staged.Group.Context,
                    staged.Group.ConfirmationTag.Span,
                    staged.Committer,
                    staged.Group.EncodeRatchetTree()
                );
                var bytes =
                    random.Next(2) == 0 ? info.Encoded.ToArray() : Mutation.Mutate(info.Encoded.ToArray(), random);
                staged.Accept(UnverifiedGroupInfo.Decode(bytes), null);
                counts.Accepted++;
            },
            ProcessConstant
        );
    }

    /// <summary>
    /// Mutates the body of a commit until it can be decoded; bodies that cannot be are the matter of the other half of
    /// this test.
    /// </summary>
    private static (FramedContent Content, Commit Commit) MutatedCommit(FramedContent original, Random random)
    {
        var body = new TlsWriter();
        original.Commit!.Write(body);
        while (true)
        {
            var mutated = Mutation.Mutate(body.ToArray(), random);
            try
            {
                var content = FramedContent.Create(
                    original.GroupId.Span,
                    original.Epoch,
                    original.Sender,
                    original.AuthenticatedData.Span,
                    ContentType.Commit,
                    writer => writer.WriteRaw(mutated)
                );
                var decoded = content.Commit!;
                if (
                    content.Encoded.Length
                    == FramedContent
                        .Create(
                            original.GroupId.Span,
                            original.Epoch,
                            original.Sender,
                            original.AuthenticatedData.Span,
                            ContentType.Commit,
                            decoded.Write
                        )
                        .Encoded.Length
                )
                    return (content, decoded);
            }
            catch (MlsException)
            {
                // Does not decode: try another.
            }
        }
    }

    private static StagedCommit? Process(Scene scene, PublicMessage? message, Counts counts)
    {
        if (message is null)
            return null;
        var authenticated = scene.Group.Group.Authenticate(message);
        counts.Authenticated++;
        if (authenticated.Content.Commit is null)
            return null;
        var staged = scene.Group.Group.Stage(authenticated, scene.Proposals, null);
        counts.Staged++;
        return staged;
    }

    private static void Bounded(int length, Action action, int constant)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            action();
        }
        catch (MlsException)
        {
            // The only exception that outside bytes may cause; any other fails the test.
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(
            allocated <= (long)DecodePerByte * length + constant,
            $"{allocated} bytes were allocated for {length} bytes of input"
        );
    }

    private enum Kind
    {
        Commit,
        Proposal,
        GroupInfo,
        KeyPackage,
        Welcome,
        PrivateMessage,
        Tree,
    }

    /// <summary>A group of eight with some parents filled, and one of each kind of object for it.</summary>
    private sealed class Scene
    {
        private readonly List<TestClient> _members = [new(1, "did:example:0#a")];

        public Scene()
        {
            Group = TestGroup.Create(_members[0]);
            for (int i = 1; i < 8; i++)
            {
                _members.Add(new(1, $"did:example:{i}#a"));
                Group = Group.ExternalCommit(_members[i]).Build().After!;
            }
            var proposal = Group.Propose(_members[2], new RemoveProposal(new(5)));
            Proposals = [Group.Group.Authenticate(MlsMessage.Decode(proposal).PublicMessage!)];
            var joiner = new TestClient(1, "did:example:new#a");
            var package = joiner.KeyPackage();
            foreach (
                var (signer, built) in ((TestClient, BuiltCommit)[])
                    [
                        (joiner, Group.ExternalCommit(joiner).Build()),
                        (_members[3], Group.ExternalCommit(_members[3]).Remove(new(3)).Build()),
                        (_members[0], Group.Commit(_members[0]).WithPath().Build()),
                        (_members[1], Group.Commit(_members[1]).Add(package).WithPath().Build()),
                        (_members[1], Group.Commit(_members[1]).Reference(proposal).WithPath().Build()),
                    ]
            )
            {
                Commits.Add((MlsMessage.Decode(built.Commit).PublicMessage!, signer));
                Objects.Add((Kind.Commit, built.Commit));
                Objects.Add((Kind.GroupInfo, built.GroupInfo));
            }
            Objects.Add((Kind.Proposal, proposal));
            Objects.Add((Kind.KeyPackage, package));
            Objects.Add((Kind.Welcome, ProposalBuilder.RandomWelcome(Group.Suite, package)));
            Objects.Add((Kind.PrivateMessage, ProposalBuilder.RandomPrivateMessage(Group)));
            Objects.Add((Kind.Tree, Group.RatchetTree));
            Objects.Add((Kind.GroupInfo, Group.GroupInfo));
        }

        public TestGroup Group { get; }
        public List<(Kind Kind, byte[] Bytes)> Objects { get; } = [];
        public List<(PublicMessage Commit, TestClient Signer)> Commits { get; } = [];
        public AuthenticatedContent[] Proposals { get; }

        /// <summary>
        /// The same content with the leaf of its path signed by the committer, for the place that the leaf will have.
        /// </summary>
        public FramedContent WithSignedLeaf(FramedContent content, Commit commit, UpdatePath path, TestClient signer)
        {
            var leaf = path.LeafNode;
            if (leaf.Source != LeafNodeSource.Commit)
                return content;
            var place =
                content.Sender.Type == SenderType.Member ? new LeafIndex(content.Sender.Index)
                : commit.Proposals.Any(item => item.Proposal is RemoveProposal) ? new LeafIndex(3)
                : new LeafIndex(8);
            var signed = LeafNode.Create(
                Group.Suite,
                signer.SignatureKey.PrivateKey,
                leaf.EncryptionKey.Span,
                leaf.SignatureKey.Span,
                leaf.Credential,
                leaf.Capabilities,
                LeafNodeSource.Commit,
                null,
                leaf.ParentHash,
                (Group.Group.GroupId, place),
                leaf.Extensions
            );
            return FramedContent.Create(
                content.GroupId.Span,
                content.Epoch,
                content.Sender,
                content.AuthenticatedData.Span,
                ContentType.Commit,
                new Commit(commit.Proposals, path with { LeafNode = signed }).Write
            );
        }
    }

    [Fact]
    public void A_long_run_of_blank_nodes_costs_no_memory()
    {
        var creator = new TestClient(1, "did:example:a#a");
        var leaf = creator.BareKeyPackage().LeafNode;
        const int blanks = 8_000_000; // even, so that a leaf may follow
        var writer = new TlsWriter(blanks + 1024);
        int start = writer.BeginVector();
        writer.WriteRaw(new byte[blanks]);
        writer.WritePresence(true).WriteUInt8(1).WriteRaw(leaf.Encoded.Span);
        var encoded = writer.EndVector(start).ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        var tree = RatchetTree.Decode(creator.Suite, encoded);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 * 1024);
        Assert.Equal((1, 4_194_304u), (tree.MemberCount, tree.LeafCount));
        Assert.Equal(encoded, tree.Encode());
    }

    [Theory]
    [InlineData("0001000480000000")]
    [InlineData("00010001bfffffff")]
    [InlineData("00010003000140ff")]
    public void A_declared_length_allocates_nothing(string hex)
    {
        var bytes = Convert.FromHexString(hex);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<MlsException>(() => MlsMessage.Decode(bytes));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 * 1024);
    }
}
