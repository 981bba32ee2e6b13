using System.Net;
using System.Net.Sockets;

namespace MlsConsole.E2e;

/// <summary>
/// Accounts whose DID documents come over the network, with tokens by AT Protocol's own <c>createServiceJwt</c>.
/// </summary>
public sealed class AccountTests
{
    [SkippableFact]
    public async Task Tokens_of_did_web_and_did_plc_are_accepted_in_both_algorithms()
    {
        TsClient.Require();
        string port;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = $"{((IPEndPoint)free.LocalEndpoint).Port}";
        }
        await using var host = await HostProcess.Start(
            new Dictionary<string, string>
            {
                ["Identity__PlcDirectory"] = $"http://127.0.0.1:{port}",
                ["Identity__AllowPrivateHosts"] = "true",
                ["RateLimits__Enabled"] = "true",
            }
        );
        var result = (await TsClient.Run("accounts", "--url", host.Url.ToString(), "--port", port))[^1];
        Assert.Equal(
            ["ES256K web", "ES256K plc", "ES256 web", "ES256 plc"],
            result.GetProperty("accepted").EnumerateArray().Select(one => one.GetString())
        );
    }
}
