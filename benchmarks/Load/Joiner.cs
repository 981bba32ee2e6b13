using System.Net.Http.Headers;
using System.Text.Json;
using MlsConsole.E2e;
using MlsConsole.TestKit;

namespace MlsConsole.Load;

/// <summary>
/// A device that rejoins a conversation of its own again and again. Its commits and tokens are made before a
/// measurement begins.
/// </summary>
internal sealed class Joiner
{
    private const string Commit = "processExternalCommit",
        Baseline = "getSubscriptionTicket";

    // The service accepts tokens with a lifetime of at most five minutes.
    private static readonly TimeSpan s_tokenLifetime = TimeSpan.FromSeconds(290);

    private readonly TestDevice _device;
    private readonly string _convoId;
    private TestGroup _group;

    private Joiner(TestDevice device, string convoId, TestGroup group) =>
        (_device, _convoId, _group) = (device, convoId, group);

    /// <summary>Registers a device and creates a conversation for it.</summary>
    /// <param name="url">The address of the service.</param>
    /// <param name="number">The number of the device.</param>
    /// <param name="others">The published key packages of the other members.</param>
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

    /// <summary>Makes external commits, each for the epoch that the one before it creates.</summary>
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

    /// <summary>
    /// Makes requests with the same authentication that write one row and its audit entry durably, without any MLS.
    /// </summary>
    public Queue<HttpRequestMessage> Baselines(int count) =>
        new(Enumerable.Range(0, count).Select(_ => Request(Baseline, new { })).ToList());

    /// <summary>
    /// Rejoins as a client does: waits for its turn, gets the GroupInfo, and sends an external commit.
    /// </summary>
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
