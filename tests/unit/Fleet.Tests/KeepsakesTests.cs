using MlsConsole.Clients;

namespace MlsConsole.Fleet;

public sealed class KeepsakesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-keepsakes-").FullName;

    [Fact]
    public async Task Accounts_stores_and_rejoins_are_there_at_the_next_start()
    {
        string[] accounts;
        using (var keepsakes = new Keepsakes(_folder))
        {
            accounts = [Did(keepsakes, 0), Did(keepsakes, 1), Did(keepsakes, 0)];
            await using (keepsakes.Open(0))
            await using (keepsakes.Open(1))
                keepsakes.Rejoined(0, "convo", DateTimeOffset.FromUnixTimeMilliseconds(7));
        }
        Assert.Equal(accounts[0], accounts[2]);
        Assert.NotEqual(accounts[0], accounts[1]);
        using var again = new Keepsakes(_folder);
        Assert.Equal(accounts, new[] { Did(again, 0), Did(again, 1), Did(again, 0) });
        // A store opens with its own key alone.
        await using (again.Open(0))
        await using (again.Open(1))
            Assert.Equal(("convo", DateTimeOffset.FromUnixTimeMilliseconds(7)), Assert.Single(again.RejoinsOf(0)));
        Assert.Empty(again.RejoinsOf(1));
    }

    [Fact]
    public async Task A_device_that_has_lost_everything_opens_an_empty_store()
    {
        using var keepsakes = new Keepsakes(_folder);
        await using (keepsakes.Open(0)) { }
        File.Copy(Path.Combine(_folder, "device-0.db"), Path.Combine(_folder, "device-1.db"));
        Assert.Equal(ClientErrors.WrongStoreKey, Assert.Throws<MlsClientException>(() => keepsakes.Open(1)).Error);
        keepsakes.Delete(1);
        await using (keepsakes.Open(1)) { }
    }

    [Fact]
    public void Two_fleets_do_not_live_on_one_folder()
    {
        using var first = new Keepsakes(_folder);
        Assert.Throws<InvalidOperationException>(() => new Keepsakes(_folder));
    }

    private static string Did(Keepsakes keepsakes, int account)
    {
        using var key = keepsakes.KeyOf(account);
        return key.DidKey;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
