using System.Text.Json;
using Xunit.Abstractions;

namespace MlsConsole.Mls.Tests;

/// <summary>Follows the passive-client vectors as one who sees only what is public: the GroupInfo and tree from the Welcome, then every PublicMessage commit.</summary>
public class PublicObserver(ITestOutputHelper output)
{
    [SkippableTheory]
    [InlineData("passive-interop/external_join.json", 42)]
    [InlineData("passive-interop/commit.json", 136)]
    [InlineData("passive-client-handling-commit.json", 47)]
    [InlineData("passive-client-random.json", 1)]
    public void Every_public_commit_is_followed(string file, int cases)
    {
        int opened = 0, followed = 0, external = 0, hidden = 0;
        foreach (var (suite, test) in VectorFiles.BySuite(file))
        {
            var group = Open(suite, test);
            opened++;
            foreach (var epoch in test.GetProperty("epochs").EnumerateArray())
            {
                var message = MlsMessage.Decode(epoch.Hex("commit"));
                var proposals = epoch.GetProperty("proposals").EnumerateArray().Select(p => MlsMessage.Decode(p.Hex())).ToList();
                // What is encrypted to the members, no observer can follow.
                if (message.PublicMessage is not { } commit || proposals.Exists(p => p.PublicMessage is null)) { hidden++; break; }
                var staged = group.Stage(group.Authenticate(commit), [.. proposals.Select(p => group.Authenticate(p.PublicMessage!))], now: null);
                Assert.Equal(group.Epoch + 1, staged.Epoch);
                group = PublicGroup.Restore(staged.Group.Snapshot());
                followed++;
                if (staged.IsExternal) external++;
            }
        }
        output.WriteLine($"{file}: {opened} Welcomes opened, {followed} commits followed, {external} of them external; {hidden} histories went on in private");
        Assert.Equal(cases, opened);
        Assert.Equal(Expected[file], (followed, external));
    }

    private static readonly Dictionary<string, (int Followed, int External)> Expected = new()
    {
        ["passive-interop/external_join.json"] = (28, 28),
        ["passive-interop/commit.json"] = (15, 0),
        ["passive-client-handling-commit.json"] = (94, 0),
        ["passive-client-random.json"] = (200, 0),
    };

    private static PublicGroup Open(CipherSuite suite, JsonElement test)
    {
        var keyPackage = MlsMessage.Decode(test.Hex("key_package")).KeyPackage!.Verify(now: null);
        var welcome = MlsMessage.Decode(test.Hex("welcome")).Welcome!;
        var secrets = WelcomeSecrets.OpenGroupSecrets(suite, welcome, keyPackage.Reference.Span, test.Hex("init_priv"));
        var external = test.GetProperty("external_psks").EnumerateArray().ToDictionary(p => Convert.ToHexString(p.Hex("psk_id")), p => p.Hex("psk"));
        var keys = secrets.PreSharedKeys.Select(id => (id, (ReadOnlyMemory<byte>)external[Convert.ToHexString(id.ExternalId.Span)])).ToList();
        var groupInfo = WelcomeSecrets.OpenGroupInfo(suite, welcome, secrets.JoinerSecret.Span, PreSharedKeySecret.Derive(suite, keys));
        return PublicGroup.FromGroupInfo(groupInfo, test.HexOrNull("ratchet_tree"));
    }
}
