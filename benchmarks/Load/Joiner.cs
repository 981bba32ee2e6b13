using System.Net.Http.Headers;
using System.Text.Json;
using MlsConsole.E2e;
using MlsConsole.TestKit;

namespace MlsConsole.Load;

/// <summary>A device that rejoins a conversation of its own again and again. Commits and tokens are made before any clock starts.</summary>
internal sealed class Joiner
{
    private const string Commit = "processExternalCommit",
        Baseline = "getSubscriptionTicket";

    // The service takes tokens of at most five minutes.
    private static readonly TimeSpan s_tokenLifetime = TimeSpan.FromSeconds(290);

    private readonly TestDevice _device;
    private readonly string _convoId;
    private TestGroup _group;

    private Joiner(TestDevice device, string convoId, TestGroup group) =>
        (_device, _convoId, _group) = (device, convoId, group);

    /// <param name="others">Published key packages of those who are in the conversation too.</param>
    public static async Task<Joiner> Create(Uri url, int number, IReadOnlyList<byte[]> others)
    {
        var device = await TestDevice.Register(url, $"joiner-{number}");
        var (convoId, group) = await device.CreateConvo();
        if (others.Count == 0)
            return new(device, convoId, group);
        var added = others
            .Aggregate(group.Commit(device.Client), (commit, package) => commit.Add(package))
            .WithPath()
            .Build();
        await device.User.MustDo(
            "addMembers",
            new
            {
                convoId,
                commit = Convert.ToBase64String(added.Commit),
                groupInfo = Convert.ToBase64String(added.GroupInfo),
                welcome = Convert.ToBase64String(ProposalBuilder.RandomWelcome(group.Suite, [.. others])),
            }
        );
        return new(device, convoId, added.After!);
    }

    /// <summary>External commits, each for the epoch that the one before creates.</summary>
    public Queue<HttpRequestMessage> Commits(int count) =>
        new(
            Enumerable
                .Range(0, count)
                .Select(_ =>
                {
                    var prepared = _device.Rejoin(_convoId, _group);
                    _group = prepared.After;
                    return Request(Commit, prepared.Input);
                })
                .ToList()
        );

    /// <summary>The same authentication and one durable insert with its audit entry, without MLS.</summary>
    public Queue<HttpRequestMessage> Baselines(int count) =>
        new(Enumerable.Range(0, count).Select(_ => Request(Baseline, new { })).ToList());

    /// <summary>One rejoin as a device does it: GroupInfo when it is its turn, an external commit, the answer.</summary>
    public async Task<bool> Rejoin()
    {
        var info = await _device.User.Query(
            "getGroupInfo",
            ("convoId", _convoId),
            ("turn", "true"),
            ("deviceId", _device.DeviceId)
        );
        if (!info.IsSuccess)
            return false;
        var group = new TestGroup(
            Mls.PublicGroup.FromGroupInfo(
                Mls.UnverifiedGroupInfo.Decode(info.Body.GetProperty("groupInfo").GetBytesFromBase64()),
                null
            ),
            []
        );
        var prepared = _device.Rejoin(_convoId, group);
        prepared.Input["turnId"] = info.Body.GetProperty("turn").GetProperty("id").GetString()!;
        var answer = await _device.Send(prepared);
        _group = answer.IsSuccess ? prepared.After : _group;
        return answer.IsSuccess;
    }

    private HttpRequestMessage Request(string method, object input)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"xrpc/{XrpcUser.Namespace}.{method}")
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(input)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Bearer",
            _device.User.Token(method, s_tokenLifetime)
        );
        return request;
    }
}
