using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlsConsole.Core.Rows;
using MlsConsole.Host.Identity;

namespace MlsConsole.Host.Tests;

/// <summary>
/// What everybody gets who may not rejoin, as it is on the wire: nobody can tell from it why, or whether there is such
/// a conversation.
/// </summary>
public sealed class Refusals_of_rejoins(TestHost host) : IClassFixture<TestHost>
{
    private static readonly string[] s_methods = ["getGroupInfo", "processExternalCommit"];

    [Fact]
    public async Task Every_no_is_the_same_status_headers_and_body()
    {
        Dictionary<string, HashSet<string>> answers = s_methods.ToDictionary(
            static method => method,
            static _ => new HashSet<string>()
        );
        int refusals = 0;
        foreach (
            RosterState? state in (RosterState?[])[null, RosterState.Member, RosterState.Left, RosterState.Removed]
        )
        foreach (bool hasDevice in (bool[])[true, false])
        foreach (bool hasLeaf in hasDevice ? (bool[])[true, false] : [false])
        foreach (string? banned in (string?[])[null, "conversation", "service"])
        {
            if (state == RosterState.Member && hasDevice && banned is null)
                continue; // may
            refusals++;
            foreach (string method in s_methods)
                answers[method].Add(await Ask(method, state, hasDevice, hasLeaf, banned, exists: true));
        }
        foreach (string method in s_methods)
            answers[method].Add(await Ask(method, null, true, false, null, exists: false));
        Assert.Equal(34, refusals);
        foreach (string method in s_methods)
            Assert.StartsWith("403\n", Assert.Single(answers[method]), StringComparison.Ordinal);
        // Who may is told what is wrong with what was sent.
        Assert.StartsWith(
            "400\n",
            await Ask("processExternalCommit", RosterState.Member, true, true, null, exists: true),
            StringComparison.Ordinal
        );
    }

    /// <summary>
    /// A new account's first request of the method, so that also what is left of its limit is the same.
    /// </summary>
    private async Task<string> Ask(
        string method,
        RosterState? state,
        bool hasDevice,
        bool hasLeaf,
        string? banned,
        bool exists
    )
    {
        using TestSigner caller = new(EcdsaCurve.P256);
        string convo = await host.CreateConvo("did:web:somebody.example.com");
        await host.Write(async context =>
        {
            if (hasDevice)
            {
                Device device = new()
                {
                    Did = caller.Did,
                    DeviceId = "phone",
                    DeviceName = "A phone",
                    Identity = Encoding.UTF8.GetBytes($"{caller.Did}#phone"),
                };
                context.Add(device);
                await context.SaveChangesAsync();
                if (hasLeaf)
                    context.Add(
                        new Leaf
                        {
                            ConvoId = convo,
                            LeafIndex = 1,
                            DeviceRow = device.Id,
                        }
                    );
            }
            if (state is { } one)
                context.Add(
                    new RosterEntry
                    {
                        ConvoId = convo,
                        Did = caller.Did,
                        State = one,
                        EndedAt = one == RosterState.Member ? null : DateTimeOffset.UtcNow.AddDays(-40),
                    }
                );
            if (banned is not null)
                context.Add(new Ban { Did = caller.Did, ConvoId = banned == "service" ? Ban.FromService : convo });
        });
        if (!exists)
            convo = "no-such-conversation";
        string token = caller.Token(
            caller.Claims("did:web:localhost", $"blue.catbird.mls.{method}", DateTimeOffset.UtcNow)
        );
        RawAnswer answer;
        if (method == "getGroupInfo")
        {
            answer = await RawHttp.Send(
                host.Address,
                $"GET /xrpc/blue.catbird.mls.{method}?convoId={convo} HTTP/1.1\nAuthorization: Bearer {token}"
            );
        }
        else
        {
            string bytes = Convert.ToBase64String(RandomNumberGenerator.GetBytes(300));
            byte[] body = JsonSerializer.SerializeToUtf8Bytes(
                new
                {
                    convoId = convo,
                    externalCommit = bytes,
                    groupInfo = bytes,
                }
            );
            answer = await RawHttp.Send(
                host.Address,
                $"POST /xrpc/blue.catbird.mls.{method} HTTP/1.1\nAuthorization: Bearer {token}\n"
                    + $"Content-Type: application/json\nContent-Length: {body.Length}",
                body
            );
        }
        // What the clock says, and chance, is the same for nobody.
        var headers = answer
            .Headers.Where(static header => header.Key is not ("Date" or "RateLimit-Reset" or "Correlation-Id"))
            .Select(static header => $"{header.Key}: {header.Value}");
        return $"{answer.Status}\n{string.Join('\n', headers)}\n\n{answer.Body}";
    }
}
