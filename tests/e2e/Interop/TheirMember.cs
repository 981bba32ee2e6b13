using System.Text.Json;

namespace MlsConsole.E2e.Interop;

/// <summary>
/// ts-mls refuses the tree of a group that it is to join, though RFC 9420 does not: the non-blank nodes above an
/// unmerged leaf have different lists of unmerged leaves. §12.4.3.1 asks only those between the leaf and a node that
/// lists it to list it too.
/// </summary>
internal sealed class TreeRefusedException : Exception;

/// <summary>
/// A client of ts-mls, in the Node process of <paramref name="peer"/>; <paramref name="handle"/> is its name there.
/// </summary>
internal sealed class TheirMember(TsSession peer, string handle, string name) : Member(name)
{
    public static async Task<TheirMember> Start(
        TsSession peer,
        string handle,
        string name,
        int suite,
        ushort[]? alsoCapable
    )
    {
        await peer.Do(
            "client",
            handle,
            new
            {
                suite,
                identity = name,
                alsoCapable,
            }
        );
        return new(peer, handle, name);
    }

    public override async Task<byte[]> KeyPackage() =>
        (await Do("keyPackage")).GetProperty("keyPackage").GetBytesFromBase64();

    public override Task Create(byte[] groupId) => Do("create", new { groupId });

    public override Task Join(byte[] welcome, byte[]? tree) => Enter("join", new { welcome, tree });

    // ts-mls looks for a leaf with this identity by itself.
    public override async Task<byte[]> JoinExternally(byte[] groupInfo, bool resync)
    {
        var result = await Enter("joinExternally", new { groupInfo });
        Assert.Equal(resync, result.TryGetProperty("removed", out _));
        return result.GetProperty("commit").GetBytesFromBase64();
    }

    public override async Task<(byte[] Commit, byte[]? Welcome)> Commit(
        bool encrypted,
        bool treeInWelcome,
        params Change[] changes
    )
    {
        var result = await Do(
            "commit",
            new
            {
                encrypted,
                treeInWelcome,
                proposals = changes.Select(ToJson),
            }
        );
        return (
            result.GetProperty("commit").GetBytesFromBase64(),
            result.TryGetProperty("welcome", out var welcome) ? welcome.GetBytesFromBase64() : null
        );
    }

    public override async Task<byte[]> Propose(Change change, bool encrypted) =>
        (await Do("propose", new { proposal = ToJson(change), encrypted })).GetProperty("message").GetBytesFromBase64();

    private static Dictionary<string, object> ToJson(Change change)
    {
        var json = new Dictionary<string, object>();
        if (change.Add is { } package)
            json["add"] = package;
        if (change.Remove is { } leaf)
            json["remove"] = leaf;
        if (change.PreSharedKey is { } id)
            json["psk"] = id;
        if (change.Resumption is { } epoch)
            json["resumption"] = epoch;
        if (change.Require is not null)
            json["extension"] = new { type = "required_capabilities", data = change.RequiredCapabilities };
        if (change.Update)
            json["update"] = true;
        return json;
    }

    public override async Task<byte[]> ProposeJoin(byte[] groupInfo) =>
        (await Do("proposeJoin", new { groupInfo })).GetProperty("message").GetBytesFromBase64();

    public override async Task<byte[]> GroupInfo() =>
        (await Do("groupInfo")).GetProperty("groupInfo").GetBytesFromBase64();

    public override async Task<byte[]> Tree() => (await Do("tree")).GetProperty("tree").GetBytesFromBase64();

    public override async Task<byte[]> Send(string text, byte[] authenticatedData) =>
        (await Do("send", new { text, authenticatedData })).GetProperty("message").GetBytesFromBase64();

    public override async Task<Outcome> Receive(byte[] message)
    {
        var result = await Do("receive", new { message });
        return new(
            result.TryGetProperty("text", out var text) ? text.GetString() : null,
            result.GetProperty("removed").GetBoolean()
        );
    }

    public override Task AddPreSharedKey(byte[] id, byte[] secret) => Do("addPsk", new { pskId = id, secret });

    public override async Task<EpochView> View()
    {
        var view = await Do(
            "view",
            new
            {
                label = EpochView.Label,
                context = EpochView.Context.ToArray(),
                length = EpochView.Length,
            }
        );
        var members = view.GetProperty("members")
            .EnumerateArray()
            .Select(member =>
                $"{member.GetProperty("index").GetUInt32()}:{member.GetProperty("identity").GetString()}"
            );
        return new(
            view.GetProperty("epoch").GetUInt64(),
            view.GetProperty("treeHash").GetString()!,
            view.GetProperty("authenticator").GetString()!,
            view.GetProperty("exported").GetString()!,
            string.Join(", ", members)
        );
    }

    public override async Task<uint> OwnLeaf() => (
            await Do(
                "view",
                new
                {
                    label = EpochView.Label,
                    context = EpochView.Context.ToArray(),
                    length = EpochView.Length,
                }
            )
        ).GetProperty("ownLeaf").GetUInt32();

    public override void Dispose() { } // Goes with its process.

    private async Task<JsonElement> Enter(string command, object arguments)
    {
        var reply = await peer.Try(command, handle, arguments);
        if (
            reply.TryGetProperty("message", out var message)
            && message.GetString() == "non-blank intermediate node must list leaf node in its unmerged_leaves"
        )
            throw new TreeRefusedException();
        Assert.True(reply.TryGetProperty("result", out var result), $"{command} of {handle}: {reply}");
        return result;
    }

    private Task<JsonElement> Do(string command, object? arguments = null) => peer.Do(command, handle, arguments);
}
