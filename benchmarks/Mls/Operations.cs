namespace MlsConsole.Mls.Benchmarks;

/// <summary>The operations to measure, on a group of one size.</summary>
internal sealed class Operations
{
    private readonly SyntheticGroup _scene;
    private readonly PublicGroup _group;
    private readonly byte[] _commit,
        _commitGroupInfo;

    public Operations(SyntheticGroup scene)
    {
        _scene = scene;
        _group = PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(scene.GroupInfo), null);
        using var client = SyntheticGroup.NewClient();
        using var joined = Group.JoinByExternalCommit(client, UnverifiedGroupInfo.Decode(scene.GroupInfo));
        _commit = joined.Pending!.Commit;
        joined.MergePendingCommit();
        _commitGroupInfo = joined.CreateGroupInfo(includeTree: false);
    }

    public int Members => _scene.Members;

    /// <summary>The external commit as an MLSMessage.</summary>
    public byte[] Commit => _commit;

    /// <summary>
    /// What a delivery service does: takes the bytes of a commit and of its GroupInfo and makes the public state of the
    /// next epoch.
    /// </summary>
    public Action Stage() =>
        () =>
        {
            var content = _group.Authenticate(MlsMessage.Decode(_commit).PublicMessage!);
            _group.Stage(content, [], null).Accept(UnverifiedGroupInfo.Decode(_commitGroupInfo), null);
        };

    /// <summary>Processes the commit as the member in the middle of the tree.</summary>
    public Action Process()
    {
        var member = _scene.Member(new((uint)Members / 2), _group);
        return () => member.Receive(_commit);
    }

    /// <summary>
    /// What a joining client does: takes the bytes of a GroupInfo with the tree inside and makes a commit with its
    /// GroupInfo.
    /// </summary>
    public Func<Action> Join(int cores, bool treeInGroupInfo = true) =>
        () =>
        {
            var client = SyntheticGroup.NewClient(cores);
            return () =>
                Group
                    .JoinByExternalCommit(
                        client,
                        UnverifiedGroupInfo.Decode(_scene.GroupInfo),
                        treeInGroupInfo: treeInGroupInfo
                    )
                    .Dispose();
        };

    /// <summary>Decodes the GroupInfo and the tree, which checks their form and that no key stands twice.</summary>
    public Action Decode() =>
        () => RatchetTree.Decode(SyntheticGroup.Suite, UnverifiedGroupInfo.Decode(_scene.GroupInfo).RatchetTree!.Value);
}
