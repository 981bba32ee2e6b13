using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.E2e;

/// <summary>What a device sends, and the group that stands if the service accepts it.</summary>
/// <param name="Method">commit or processExternalCommit.</param>
/// <param name="Input">The body; sent again, it is a retry of the same request.</param>
public sealed record PreparedCommit(string Method, Dictionary<string, string> Input, TestGroup After)
{
    /// <summary>The commit in base64, as the service's log has it.</summary>
    public string Commit => Input[Method == "commit" ? "commit" : "externalCommit"];
}

/// <summary>
/// A device whose signatures, hashes and trees are real and whose secrets are random: the service cannot tell, and it
/// commits much faster than one that encrypts to everybody.
/// </summary>
public sealed class TestDevice : IDisposable
{
    public const ushort Suite = 1;

    private TestDevice(XrpcUser user, string deviceId)
    {
        User = user;
        DeviceId = deviceId;
        Client = new TestClient(Suite, $"{user.Did}#{deviceId}");
    }

    public XrpcUser User { get; }
    public string DeviceId { get; }
    public TestClient Client { get; }

    public static async Task<TestDevice> Register(Uri url, string deviceId)
    {
        var device = new TestDevice(new XrpcUser(url), deviceId);
        await device.User.MustDo(
            "registerDevice",
            new
            {
                deviceId,
                deviceName = deviceId,
                signaturePublicKey = Convert.ToBase64String(device.Client.SignatureKey.PublicKey),
                keyPackages = new[] { new { keyPackage = Convert.ToBase64String(device.Client.KeyPackage()) } },
            }
        );
        return device;
    }

    public async Task<(string ConvoId, TestGroup Group)> CreateConvo()
    {
        var group = TestGroup.Create(Client);
        var answer = await User.MustDo("createConvo", new { groupInfo = Convert.ToBase64String(group.GroupInfo) });
        return (answer.GetProperty("convo").GetProperty("convoId").GetString()!, group);
    }

    /// <summary>Publishes a key package for whoever names it in an Add, without claiming it.</summary>
    public async Task<byte[]> Publish()
    {
        var keyPackage = Client.KeyPackage(lastResort: true);
        await User.MustDo(
            "publishKeyPackages",
            new
            {
                deviceId = DeviceId,
                keyPackages = new[] { new { keyPackage = Convert.ToBase64String(keyPackage), lastResort = true } },
            }
        );
        return keyPackage;
    }

    /// <summary>Adds another device by an ordinary commit with a Welcome.</summary>
    public async Task<TestGroup> Add(string convoId, TestGroup group, TestDevice other)
    {
        var claimed = await User.MustDo(
            "claimKeyPackages",
            new { dids = new[] { other.User.Did }, cipherSuite = (int)Suite }
        );
        var keyPackage = claimed
            .GetProperty("keyPackages")
            .EnumerateArray()
            .Single()
            .GetProperty("keyPackage")
            .GetBytesFromBase64();
        var built = group.Commit(Client).Add(keyPackage).WithPath().Build();
        await User.MustDo(
            "addMembers",
            new
            {
                convoId,
                commit = Convert.ToBase64String(built.Commit),
                groupInfo = Convert.ToBase64String(built.GroupInfo),
                welcome = Convert.ToBase64String(ProposalBuilder.RandomWelcome(group.Suite, keyPackage)),
            }
        );
        return built.After!;
    }

    /// <summary>A member's commit that renews its path.</summary>
    public PreparedCommit Update(string convoId, TestGroup group) =>
        Prepare("commit", "commit", convoId, group.Commit(Client).WithPath().Build());

    /// <summary>An external commit that removes the device's own leaf and puts it back.</summary>
    public PreparedCommit Rejoin(string convoId, TestGroup group) =>
        Prepare(
            "processExternalCommit",
            "externalCommit",
            convoId,
            group.ExternalCommit(Client).Remove(group.LeafOf(Client)).Build()
        );

    public Task<XrpcAnswer> Send(PreparedCommit prepared) => User.Procedure(prepared.Method, prepared.Input);

    /// <summary>All commits of a conversation, in order.</summary>
    public async Task<IReadOnlyList<(ulong Epoch, long Seq, string Commit)>> CommitLog(string convoId)
    {
        var log = new List<(ulong Epoch, long Seq, string Commit)>();
        while (true)
        {
            var from = log.Count == 0 ? 0 : log[^1].Epoch;
            var answer = await User.MustAsk("getCommits", ("convoId", convoId), ("fromEpoch", $"{from}"));
            var page = answer
                .GetProperty("commits")
                .EnumerateArray()
                .Select(commit =>
                    (
                        commit.GetProperty("epoch").GetUInt64(),
                        commit.GetProperty("seq").GetInt64(),
                        commit.GetProperty("commit").GetString()!
                    )
                )
                .ToList();
            if (page.Count == 0)
                return log;
            log.AddRange(page);
        }
    }

    /// <summary>The service's GroupInfo, checked with our own code.</summary>
    public async Task<PublicGroup> ServedGroup(string convoId)
    {
        var answer = await User.MustAsk("getGroupInfo", ("convoId", convoId), ("includeTree", "true"));
        var groupInfo = UnverifiedGroupInfo.Decode(answer.GetProperty("groupInfo").GetBytesFromBase64());
        return PublicGroup.FromGroupInfo(groupInfo, answer.GetProperty("ratchetTree").GetBytesFromBase64());
    }

    public void Dispose() => User.Dispose();

    private static PreparedCommit Prepare(string method, string field, string convoId, BuiltCommit built) =>
        new(
            method,
            new()
            {
                ["convoId"] = convoId,
                [field] = Convert.ToBase64String(built.Commit),
                ["groupInfo"] = Convert.ToBase64String(built.GroupInfo),
                ["idempotencyKey"] = Guid.NewGuid().ToString(),
            },
            built.After!
        );
}
