using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>The samples of docs/client.md and src/Client/README.md, compiled and run; the one in TypeScript is run by <see cref="ClientAndTsMlsTests"/>.</summary>
public sealed partial class SamplesOfTheDocsTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    public async Task The_quick_start_in_csharp_brings_a_device_into_its_conversation()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-sample-");
        using var account = AccountKey.CreateP256();
        await using var alice = await Person.Start(fixture.Host.Url, "alice");
        await using var old = await Person.Start(fixture.Host.Url, "phone", account);
        var conversationId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(conversationId, [old.Did]);
        var (service, did, path, storeKey) = (fixture.Host.Url, account.DidKey, Path.Combine(folder.FullName, "mls.db"), new byte[32]);

        {
            // <sample>
            await using var client = new MlsClient(new()
            {
                Service = service, ServiceDid = "did:web:localhost", Did = did, DeviceId = "phone",
                Tokens = account.Tokens(),                // or what your PDS answers to com.atproto.server.getServiceAuth
                Store = new SqliteStore(path, storeKey),  // 32 bytes from the device's key store
            });
            await client.StartAsync();                               // enrols the device, publishes key packages, brings lost conversations back
            await client.JoinByExternalCommitAsync(conversationId);  // in the group, with nobody's help
            await client.Conversations.SendAsync(conversationId, "I am back"u8.ToArray());
            // </sample>
        }

        var message = Assert.Single((await alice.Conversations.SyncAsync(conversationId)).Messages);
        Assert.Equal("I am back"u8, message.Data);
        Assert.Equal(2, (await alice.Conversations.ViewAsync(conversationId))!.Members.Count);
        folder.Delete(recursive: true);
    }

    [Fact]
    public void The_docs_have_these_samples()
    {
        var csharp = Dedent(Sample().Match(File.ReadAllText(ThisFile())).Groups[1].Value);
        var typescript = Dedent(Sample().Match(File.ReadAllText(Path.Combine(Repository.TsClientFolder, "src", "quickstart.mjs"))).Groups[1].Value);
        Assert.Equal([csharp, typescript], Blocks("docs/client.md"));
        Assert.Equal([csharp], Blocks("src/Client/README.md"));
    }

    private static IEnumerable<string> Blocks(string file) => Block().Matches(File.ReadAllText(Path.Combine(Repository.Root, file))).Select(match => match.Groups[1].Value.TrimEnd()).Take(2);

    private static string ThisFile([CallerFilePath] string file = "") => file;

    private static string Dedent(string code)
    {
        var lines = code.TrimEnd().Split('\n');
        var indent = lines[0].Length - lines[0].TrimStart().Length;
        return string.Join('\n', lines.Select(line => line.Length >= indent ? line[indent..] : line));
    }

    [GeneratedRegex(@"// <sample>\n(.*?)\n *// </sample>", RegexOptions.Singleline)]
    private static partial Regex Sample();

    [GeneratedRegex(@"```(?:csharp|typescript)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
