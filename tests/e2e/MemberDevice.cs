using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using MlsConsole.Mls;

namespace MlsConsole.E2e;

/// <summary>How a device came back.</summary>
/// <param name="Submitted">External commits that it sent.</param>
/// <param name="Mismatches">Those that another commit was before.</param>
/// <param name="Pending">Times that it was told to come again for its turn.</param>
public sealed record Rejoined(int Submitted, int Mismatches, int Pending);

/// <summary>
/// A device with all its secrets, over HTTP: what it has joined it can follow, and what it encrypts others can read.
/// </summary>
public sealed class MemberDevice : IDisposable
{
    private const int MaxAttempts = 1000;
    private readonly Client _client;
    private readonly OwnKeyPackage _keyPackage;
    private readonly ConcurrentDictionary<string, Group> _groups = new();

    private MemberDevice(XrpcUser user, string deviceId)
    {
        (User, DeviceId) = (user, deviceId);
        _client = new Client(TestDevice.Suite, Credential.Basic(Encoding.UTF8.GetBytes($"{user.Did}#{deviceId}")))
        {
            DegreeOfParallelism = 1,
        };
        _keyPackage = _client.CreateKeyPackage(lastResort: true);
    }

    public XrpcUser User { get; }
    public string DeviceId { get; }

    /// <summary>A device of a new account, or another one of an account.</summary>
    public static async Task<MemberDevice> Register(Uri url, string deviceId, XrpcUser? account = null)
    {
        var device = new MemberDevice(account ?? new XrpcUser(url), deviceId);
        await device.User.MustDo(
            "registerDevice",
            new
            {
                deviceId,
                deviceName = deviceId,
                signaturePublicKey = Convert.ToBase64String(device._client.SignatureKey.PublicKey),
                keyPackages = new[]
                {
                    new { keyPackage = Convert.ToBase64String(device._keyPackage.Encode()), lastResort = true },
                },
            }
        );
        return device;
    }

    public Group Group(string convoId) => _groups[convoId];

    public async Task<string> CreateConvo()
    {
        var group = Mls.Group.Create(_client);
        var answer = await User.MustDo(
            "createConvo",
            new { groupInfo = Convert.ToBase64String(group.CreateGroupInfo()) }
        );
        string convoId = answer.GetProperty("convo").GetProperty("convoId").GetString()!;
        _groups[convoId] = group;
        return convoId;
    }

    /// <summary>Adds devices in one commit. They are in the group, but have no state of it until they join.</summary>
    public async Task Add(string convoId, params IReadOnlyList<MemberDevice> others)
    {
        var pending = Group(convoId)
            .Commit(
                new() { Add = [.. others.Select(other => UnverifiedKeyPackage.Decode(other._keyPackage.Encode()))] }
            );
        await User.MustDo(
            "addMembers",
            new
            {
                convoId,
                commit = Convert.ToBase64String(pending.Commit),
                welcome = Convert.ToBase64String(pending.Welcome!),
                groupInfo = Convert.ToBase64String(pending.GroupInfo),
            }
        );
        Group(convoId).MergePendingCommit();
    }

    /// <summary>
    /// Comes back without any state: by an external commit that removes the device's leaf, as often as it takes.
    /// </summary>
    public async Task<Rejoined> Rejoin(string convoId, bool inTurn = true)
    {
        if (_groups.TryRemove(convoId, out var lost))
            lost.Dispose();
        var leaf = await LeafIn(convoId);
        int mismatches = 0,
            pending = 0;
        while (mismatches + pending < MaxAttempts)
        {
            var info = inTurn
                ? await User.Query(
                    "getGroupInfo",
                    ("convoId", convoId),
                    ("includeTree", "false"),
                    ("turn", "true"),
                    ("deviceId", DeviceId)
                )
                : await User.Query("getGroupInfo", ("convoId", convoId), ("includeTree", "false"));
            if (info.Error == "TurnPending")
            {
                pending++;
                await Task.Delay(info.Body.GetProperty("retryAfterMs").GetInt32());
                continue;
            }
            Assert.True(info.IsSuccess, $"getGroupInfo: {info.Status} {info.Body}");
            var joined = Mls.Group.JoinByExternalCommit(
                _client,
                UnverifiedGroupInfo.Decode(info.Body.GetProperty("groupInfo").GetBytesFromBase64()),
                remove: leaf
            );
            var input = new Dictionary<string, string>
            {
                ["convoId"] = convoId,
                ["externalCommit"] = Convert.ToBase64String(joined.Pending!.Commit),
                ["groupInfo"] = Convert.ToBase64String(joined.Pending.GroupInfo),
            };
            if (inTurn)
                input["turnId"] = info.Body.GetProperty("turn").GetProperty("id").GetString()!;
            var answer = await User.Procedure("processExternalCommit", input);
            if (answer.IsSuccess)
            {
                joined.MergePendingCommit();
                _groups[convoId] = joined;
                return new(mismatches + 1, mismatches, pending);
            }
            joined.Dispose();
            Assert.True(answer.Error == "EpochMismatch", $"processExternalCommit: {answer.Status} {answer.Body}");
            mismatches++;
        }
        throw new InvalidOperationException($"{DeviceId} did not come back after {MaxAttempts} attempts.");
    }

    /// <summary>A member's commit that renews its path; false if another commit was first.</summary>
    public async Task<bool> Update(string convoId)
    {
        await CatchUp(convoId);
        var pending = Group(convoId).Commit();
        var answer = await User.Procedure(
            "commit",
            new
            {
                convoId,
                commit = Convert.ToBase64String(pending.Commit),
                groupInfo = Convert.ToBase64String(pending.GroupInfo),
            }
        );
        if (answer.IsSuccess)
            Group(convoId).MergePendingCommit();
        else
            Assert.True(answer.Error == "EpochMismatch", $"commit: {answer.Status} {answer.Body}");
        return answer.IsSuccess;
    }

    /// <summary>Follows the commits of others.</summary>
    public async Task CatchUp(string convoId)
    {
        var group = Group(convoId);
        while (true)
        {
            var answer = await User.MustAsk("getCommits", ("convoId", convoId), ("fromEpoch", $"{group.CurrentEpoch}"));
            var commits = answer
                .GetProperty("commits")
                .EnumerateArray()
                .Select(commit => commit.GetProperty("commit").GetBytesFromBase64())
                .ToList();
            if (commits.Count == 0)
                return;
            foreach (var commit in commits)
                Assert.False(Assert.IsType<ReceivedCommit>(group.Receive(commit, DateTimeOffset.UtcNow)).RemovedMe);
        }
    }

    public Task<JsonElement> Send(string convoId, string text) =>
        User.MustDo(
            "sendMessage",
            new { convoId, message = Convert.ToBase64String(Group(convoId).Encrypt(Encoding.UTF8.GetBytes(text))) }
        );

    /// <summary>The texts after a place in the log, opened.</summary>
    public async Task<IReadOnlyList<string>> Read(string convoId, long sinceSeq)
    {
        var answer = await User.MustAsk("getMessages", ("convoId", convoId), ("sinceSeq", $"{sinceSeq}"));
        return
        [
            .. answer
                .GetProperty("messages")
                .EnumerateArray()
                .Where(message => message.GetProperty("kind").GetString() == "message")
                .Select(message =>
                    Group(convoId).Receive(message.GetProperty("message").GetBytesFromBase64(), DateTimeOffset.UtcNow)
                )
                .OfType<ReceivedMessage>()
                .Select(message => Encoding.UTF8.GetString(message.Data)),
        ];
    }

    public void Dispose()
    {
        foreach (var group in _groups.Values)
            group.Dispose();
        _keyPackage.Dispose();
        _client.Dispose();
        User.Dispose();
    }

    private async Task<LeafIndex?> LeafIn(string convoId)
    {
        var convo = (await User.MustAsk("getConvo", ("convoId", convoId))).GetProperty("convo");
        foreach (var member in convo.GetProperty("members").EnumerateArray())
            if (
                member.GetProperty("did").GetString() == User.Did
                && member.GetProperty("deviceId").GetString() == DeviceId
            )
                return new(member.GetProperty("leafIndex").GetUInt32());
        return null;
    }
}
