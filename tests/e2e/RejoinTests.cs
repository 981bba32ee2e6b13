using MlsConsole.Mls;

namespace MlsConsole.E2e;

/// <summary>Real devices on ts-mls over HTTP. Every answer is validated against its lexicon by the client.</summary>
public sealed class RejoinTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [SkippableTheory]
    [Trait("Category", "Smoke")]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(3, true)]
    public async Task A_lost_device_rejoins_a_second_joins_a_stranger_is_refused_and_all_agree_with_the_server(
        int suite,
        bool reinstalled
    )
    {
        TsClient.Require();
        string[] arguments = ["journey", "--url", fixture.Host.Url.ToString(), "--suite", $"{suite}"];
        var lines = await TsClient.Run(reinstalled ? [.. arguments, "--new-key"] : arguments);
        Assert.Equal(
            [
                "registered",
                "registered",
                "created",
                "added",
                "lost",
                "rejoined",
                "second device joined",
                "stranger refused",
                "removal of another refused",
                "updated",
                "agreed",
                "messages round-trip",
            ],
            lines.SkipLast(1).Select(line => line.GetProperty("step").GetString())
        );

        var result = lines[^1];
        var groupInfo = UnverifiedGroupInfo.Decode(result.GetProperty("groupInfo").GetBytesFromBase64());
        var group = PublicGroup.FromGroupInfo(groupInfo, null);
        Assert.Equal(suite, group.CipherSuite);
        Assert.Equal(4UL, group.Epoch);
        Assert.Equal(3, group.MemberCount);
        var devices = result.GetProperty("devices").EnumerateArray().ToList();
        Assert.Equal(3, devices.Count);
        Assert.All(
            devices,
            device =>
            {
                Assert.Equal(group.Epoch, device.GetProperty("epoch").GetUInt64());
                Assert.Equal(Convert.ToHexStringLower(group.TreeHash.Span), device.GetProperty("treeHash").GetString());
                Assert.Equal(
                    devices[0].GetProperty("authenticatorHash").GetString(),
                    device.GetProperty("authenticatorHash").GetString()
                );
            }
        );
    }
}
