using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>tree-math.json, tree-validation.json, tree-operations.json and transcript-hashes.json.</summary>
internal static class TreeVectors
{
    public static void TreeMathAgrees(JsonElement test)
    {
        uint leaves = test.GetProperty("n_leaves").GetUInt32();
        Assert.Equal(test.GetProperty("n_nodes").GetUInt32(), TreeMath.NodeWidth(leaves));
        Assert.Equal(test.GetProperty("root").GetUInt32(), TreeMath.Root(leaves).Value);
        for (uint i = 0; i < TreeMath.NodeWidth(leaves); i++)
        {
            var node = new NodeIndex(i);
            Assert.Equal(At(test, "left", i), TreeMath.Left(node)?.Value);
            Assert.Equal(At(test, "right", i), TreeMath.Right(node)?.Value);
            Assert.Equal(At(test, "parent", i), TreeMath.Parent(node, leaves)?.Value);
            Assert.Equal(At(test, "sibling", i), TreeMath.Sibling(node, leaves)?.Value);
        }
    }

    private static uint? At(JsonElement test, string name, uint i)
    {
        var value = test.GetProperty(name)[(int)i];
        return value.ValueKind == JsonValueKind.Null ? null : value.GetUInt32();
    }

    public static void TreeValidationAgrees(CipherSuite suite, JsonElement test)
    {
        var bytes = test.Hex("tree");
        var tree = RatchetTree.Decode(suite, bytes);
        Assert.Equal(bytes, tree.Encode());
        var hashes = test.GetProperty("tree_hashes");
        var resolutions = test.GetProperty("resolutions");
        Assert.Equal(TreeMath.NodeWidth(tree.LeafCount), (uint)hashes.GetArrayLength());
        for (uint i = 0; i < hashes.GetArrayLength(); i++)
        {
            var position = tree.Position(new(i))!;
            Assert.Equal(hashes[(int)i].Hex(), position.Hash(suite));
            int level = TreeMath.Level(new(i));
            var resolution = new List<ResolvedNode>();
            RatchetTree.Resolve(position, i >> (level + 1) << level, level, resolution);
            Assert.Equal(
                resolutions[(int)i].EnumerateArray().Select(x => x.GetUInt32()),
                resolution.Select(x => x.Index.Value)
            );
            Assert.Equal(resolution.Count, RatchetTree.ResolutionCount(position));
        }
        TreeValidation.Verify(
            tree,
            new GroupContext(suite.Id, test.Hex("group_id"), 0, tree.Hash, default, Extensions.None)
        );
    }

    public static void TreeOperation(CipherSuite suite, JsonElement test)
    {
        var tree = RatchetTree.Decode(suite, test.Hex("tree_before"));
        Assert.Equal(test.Hex("tree_hash_before"), tree.Hash.ToArray());
        var reader = new TlsReader(test.Hex("proposal"));
        var editor = new TreeEditor(tree);
        switch (Proposal.Read(ref reader))
        {
            case AddProposal add:
                editor.Add(add.KeyPackage.LeafNode);
                break;
            case UpdateProposal update:
                editor.Update(new(test.GetProperty("proposal_sender").GetUInt32()), update.LeafNode);
                break;
            case RemoveProposal remove:
                editor.Remove(remove.Removed);
                break;
            default:
                Assert.Fail("A proposal that changes no tree");
                break;
        }
        editor.CheckAddedKeys();
        var after = editor.ToTree();
        Assert.Equal(test.Hex("tree_after"), after.Encode());
        Assert.Equal(test.Hex("tree_hash_after"), after.Hash.ToArray());
    }

    public static void TranscriptHashes(CipherSuite suite, JsonElement test)
    {
        var commit = AuthenticatedContent.Decode(test.Hex("authenticated_content"));
        var confirmed = TranscriptHash.Confirmed(suite, test.Hex("interim_transcript_hash_before"), commit);
        Assert.Equal(test.Hex("confirmed_transcript_hash_after"), confirmed);
        Assert.Equal(
            test.Hex("interim_transcript_hash_after"),
            TranscriptHash.Interim(suite, confirmed, commit.Auth.ConfirmationTag.Span)
        );
        Assert.Equal(commit.Auth.ConfirmationTag.ToArray(), suite.Mac(test.Hex("confirmation_key"), confirmed));
    }
}
