using MlsConsole.Mls;

namespace MlsConsole.TestKit;

/// <summary>What a fuzzer calls: takes any bytes, and lets no exception out but the one that is a finding.</summary>
/// <remarks>
/// An <see cref="MlsException"/> is the right answer to wrong bytes. The targets whose names end in <c>-signed</c> or
/// <c>-inside</c>, and <c>message</c>, mend what a fuzzer cannot guess (hashes, signatures, MACs, encryption), so that
/// the input gets past these checks.
/// </remarks>
public sealed class FuzzTargets : IDisposable
{
    private readonly FuzzScene _scene;
    private readonly FuzzMending _mending;
    private readonly Dictionary<string, Action<byte[]>> _targets;
    private Group _reader;

    /// <summary>Targets in a scene, as one thread uses them.</summary>
    public FuzzTargets(FuzzScene scene)
    {
        _scene = scene;
        _mending = new(scene);
        _reader = scene.JoinAsReader();
        _targets = new()
        {
            ["decode"] = Decode,
            ["tree"] = Tree,
            ["key-package"] = bytes => UnverifiedKeyPackage.Decode(bytes).Verify(null),
            ["key-package-signed"] = bytes => _mending.Sign(UnverifiedKeyPackage.Decode(bytes)).Verify(null),
            ["group-info"] = bytes => Join(UnverifiedGroupInfo.Decode(bytes)),
            ["group-info-signed"] = bytes => Join(_mending.Sign(UnverifiedGroupInfo.Decode(bytes))),
            ["welcome"] = bytes => Welcome(MlsMessage.Decode(bytes).Welcome),
            ["welcome-inside"] = bytes => Welcome(_mending.EncryptWelcome(bytes)),
            ["commit"] = Commit,
            ["commit-signed"] = bytes => Commit(_mending.Sign(MlsMessage.Decode(bytes))),
            ["message"] = bytes => Receive(_mending.EncryptMessage(bytes)),
        };
    }

    /// <summary>The names of all targets.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "decode",
        "tree",
        "key-package",
        "key-package-signed",
        "group-info",
        "group-info-signed",
        "welcome",
        "welcome-inside",
        "commit",
        "commit-signed",
        "message",
    ];

    /// <summary>Gives an input to a target.</summary>
    /// <returns>Whether it was accepted; refused by an <see cref="MlsException"/> otherwise.</returns>
    public bool Accepts(string target, byte[] input)
    {
        try
        {
            _targets[target](input);
            return true;
        }
        catch (MlsException)
        {
            return false;
        }
    }

    private static void Decode(byte[] bytes) => Same(bytes, MlsMessage.Decode(bytes).Encode());

    private void Tree(byte[] bytes)
    {
        var tree = RatchetTree.Decode(_scene.Suite, bytes);
        Same(bytes, tree.Encode());
        _ = tree.Hash;
        TreeValidation.Verify(tree, _scene.Group.Context);
    }

    private static void Same(ReadOnlySpan<byte> input, ReadOnlySpan<byte> output)
    {
        if (!input.SequenceEqual(output))
            throw new InvalidOperationException("What was decoded encodes to other bytes.");
    }

    private void Join(UnverifiedGroupInfo info)
    {
        var group = PublicGroup.FromGroupInfo(info, null);
        Same(group.Snapshot(), PublicGroup.Restore(group.Snapshot()).Snapshot());
        Group.JoinByExternalCommit(_scene.Joiner, info, preSharedKeys: _scene.PreSharedKeys).Dispose();
    }

    private void Welcome(Welcome? welcome)
    {
        if (welcome is null)
            return;
        Group.JoinByWelcome(_scene.ReaderClient, _scene.Own, welcome, preSharedKeys: _scene.PreSharedKeys).Dispose();
    }

    private void Commit(byte[] bytes)
    {
        if (MlsMessage.Decode(bytes).PublicMessage is { } message)
        {
            var content = _scene.Group.Authenticate(message);
            if (content.Content.Commit is not null)
                _scene.Group.Stage(content, _scene.Authenticated, null);
        }
        Receive(bytes);
    }

    private void Receive(byte[] bytes)
    {
        ulong epoch = _reader.CurrentEpoch;
        var before = _reader.EpochAuthenticator;
        try
        {
            _reader.Receive(bytes);
        }
        catch (MlsException)
        {
            // A refusal leaves the member where it was.
            if (_reader.CurrentEpoch != epoch || _reader.HasEnded)
                throw new InvalidOperationException("A refused message has changed the group.");
            Same(before, _reader.EpochAuthenticator);
            throw;
        }
        // Accepted: the next input finds the scene as it was.
        _reader.Dispose();
        _reader = _scene.JoinAsReader();
    }

    public void Dispose() => _reader.Dispose();
}
