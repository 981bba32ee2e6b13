using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using MlsConsole.Clients;

namespace MlsConsole.E2e.Clients;

/// <summary>
/// The samples of docs/client.md and src/Client/README.md, compiled and run. The sample in TypeScript is run by
/// <see cref="ClientAndTsMlsTests"/>.
/// </summary>
public sealed partial class SamplesOfTheDocsTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [Fact]
    public async Task The_quick_start_in_csharp_brings_a_device_into_its_conversation()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-sample-");
        using var account = AccountKey.CreateP256();
        await using var alice = await Person.Start(fixture.Host.Url, "alice");
        var conversationId = await ConversationWithALostPhone(alice, account);
        var (service, did, path, storeKey) = (
            fixture.Host.Url,
            account.DidKey,
            Path.Combine(folder.FullName, "mls.db"),
            new byte[32]
        );

        {
            // <sample>
            await using var client = new MlsClient(
                new()
                {
                    Service = service,
                    ServiceDid = "did:web:localhost",
                    Did = did,
                    DeviceId = "phone",
                    Tokens = account.Tokens(), // or what your PDS answers to com.atproto.server.getServiceAuth
                    Store = new SqliteStore(path, storeKey), // 32 bytes from the device's key store
                }
            );
            await client.StartAsync(); // enrols the device, publishes key packages, brings lost conversations back
            await client.JoinByExternalCommitAsync(conversationId); // in the group, with nobody's help
            await client.Conversations.SendAsync(conversationId, "I am back"u8.ToArray());
            // </sample>
        }

        var message = Assert.Single((await alice.Conversations.SyncAsync(conversationId)).Messages);
        Assert.Equal("I am back"u8, message.Data);
        Assert.Equal(2, (await alice.Conversations.ViewAsync(conversationId))!.Members.Count);
        folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_quick_start_runs_in_an_empty_project_that_has_the_package_alone()
    {
        var folder = Directory.CreateTempSubdirectory("mlsconsole-package-");
        string packages = Path.Combine(folder.FullName, "out"),
            app = Path.Combine(folder.FullName, "app");
        await Pack(packages);
        Directory.CreateDirectory(app);
        await File.WriteAllTextAsync(
            Path.Combine(app, "app.csproj"),
            ProjectFile(packages, cache: Path.Combine(folder.FullName, "cache"))
        );
        byte[] secret = RandomNumberGenerator.GetBytes(32);
        using var account = AccountKey.P256(secret);
        await using var alice = await Person.Start(fixture.Host.Url, "alice");
        var conversationId = await ConversationWithALostPhone(alice, account);
        await File.WriteAllTextAsync(
            Path.Combine(app, "Program.cs"),
            $"""
            using MlsConsole.Clients;
            var (service, conversationId, path, storeKey) = (new Uri(args[0]), args[1], args[2], new byte[32]);
            using var account = AccountKey.P256(Convert.FromHexString(args[3]));
            string did = account.DidKey;
            {Blocks("docs/client.md").First()}
            """
        );
        await Dotnet(
            "run",
            "--project",
            app,
            "--",
            fixture.Host.Url.ToString(),
            conversationId,
            Path.Combine(folder.FullName, "mls.db"),
            Convert.ToHexString(secret)
        );
        var message = Assert.Single((await alice.Conversations.SyncAsync(conversationId)).Messages);
        Assert.Equal("I am back"u8, message.Data);
        Assert.True(Directory.Exists(Path.Combine(folder.FullName, "cache", "mlsconsole.client", "0.1.0")));
        folder.Delete(recursive: true);
    }

    /// <summary>Makes the packages of this project.</summary>
    private static async Task Pack(string folder)
    {
        foreach (var project in (string[])["Mls", "Lexicon", "Client"])
            await Dotnet(
                "pack",
                Path.Combine(Repository.Root, "src", project),
                "--no-build",
                "-c",
                Repository.Configuration,
                "-o",
                folder
            );
    }

    /// <summary>A project that has the client's package alone.</summary>
    /// <param name="packages">The folder with the packages of this project.</param>
    /// <param name="cache">
    /// An empty folder into which the packages of this project are restored, because the user's cache may have an older
    /// package of the same version. All other packages are taken from the user's cache.
    /// </param>
    private static string ProjectFile(string packages, string cache)
    {
        string restored =
            Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <RestoreAdditionalProjectSources>{packages}</RestoreAdditionalProjectSources>
                <RestorePackagesPath>{cache}</RestorePackagesPath>
                <RestoreFallbackFolders>{restored}</RestoreFallbackFolders>
              </PropertyGroup>
              <ItemGroup><PackageReference Include="MlsConsole.Client" Version="0.1.0" /></ItemGroup>
            </Project>
            """;
    }

    private static async Task Dotnet(params string[] arguments)
    {
        var (code, output) = await Native.NativeLibrary.Run("dotnet", arguments);
        Assert.True(code == 0, output);
    }

    private static async Task<string> ConversationWithALostPhone(Person alice, AccountKey account)
    {
        await using var phone = await Person.Start(alice.Service, "phone", account);
        var conversationId = await alice.Conversations.CreateAsync();
        await alice.Conversations.AddMembersAsync(conversationId, [phone.Did]);
        return conversationId;
    }

    [Fact]
    public void The_docs_have_these_samples()
    {
        var csharp = Dedent(Sample().Match(File.ReadAllText(ThisFile())).Groups[1].Value);
        var typescript = Dedent(
            Sample()
                .Match(File.ReadAllText(Path.Combine(Repository.TsClientFolder, "src", "quickstart.mjs")))
                .Groups[1]
                .Value
        );
        Assert.Equal([csharp, typescript], Blocks("docs/client.md"));
        Assert.Equal([csharp], Blocks("src/Client/README.md"));
    }

    private static IEnumerable<string> Blocks(string file) =>
        Block()
            .Matches(File.ReadAllText(Path.Combine(Repository.Root, file)))
            .Select(match => match.Groups[1].Value.TrimEnd())
            .Take(2);

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
