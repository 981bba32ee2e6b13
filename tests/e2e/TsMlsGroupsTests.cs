using MlsConsole.Mls;

namespace MlsConsole.E2e;

/// <summary>What another implementation's groups look like from outside, without any host in between.</summary>
public sealed class TsMlsGroupsTests
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Our_public_group_follows_ts_mls_devices_that_join_rejoin_leave_and_update(int suite)
    {
        TsClient.Require();
        var record = (await TsClient.Run("record", "--suite", $"{suite}", "--commits", "40"))[^1];
        var first = UnverifiedGroupInfo.Decode(record.GetProperty("groupInfo").GetBytesFromBase64());
        var group = PublicGroup.FromGroupInfo(first, null);
        Assert.Equal(suite, group.CipherSuite);

        var followed = 0;
        foreach (var commit in record.GetProperty("commits").EnumerateArray())
        {
            var message = MlsMessage.Decode(commit.GetProperty("commit").GetBytesFromBase64());
            var groupInfo = UnverifiedGroupInfo.Decode(commit.GetProperty("groupInfo").GetBytesFromBase64());
            var authenticated = group.Authenticate(message.PublicMessage!);
            Assert.Equal(commit.GetProperty("external").GetBoolean(), authenticated.IsExternalCommit);
            var staged = group.Stage(authenticated, [], DateTimeOffset.UtcNow);
            group = staged.Accept(groupInfo, null);
            group.RequireExternalPub(groupInfo);
            Assert.Equal(commit.GetProperty("epoch").GetUInt64(), group.Epoch);
            followed++;
        }
        Assert.Equal(40, followed);
    }
}
