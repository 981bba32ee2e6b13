namespace MlsConsole.Mls.Benchmarks;

/// <summary>The operations of a group of one size, ready to be timed.</summary>
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

    /// <summary>The external commit, MLSMessage.</summary>
    public byte[] Commit => _commit;

    /// <summary>The delivery service: bytes of commit and GroupInfo in, the next epoch's state out.</summary>
    public Action Stage() =>
        () =>
        {
            var content = _group.Authenticate(MlsMessage.Decode(_commit).PublicMessage!);
            _group.Stage(content, [], null).Accept(UnverifiedGroupInfo.Decode(_commitGroupInfo), null);
        };

    /// <summary>A member somewhere in the middle.</summary>
    public Action Process()
    {
        var member = _scene.Member(new((uint)Members / 2), _group);
        return () => member.Receive(_commit);
    }

    /// <summary>A client that comes: bytes of a GroupInfo with tree in, commit and GroupInfo out.</summary>
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

    /// <summary>GroupInfo and tree, form and duplicate keys alone.</summary>
    public Action Decode() =>
        () => RatchetTree.Decode(SyntheticGroup.Suite, UnverifiedGroupInfo.Decode(_scene.GroupInfo).RatchetTree!.Value);
}
