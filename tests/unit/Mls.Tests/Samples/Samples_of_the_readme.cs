using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace MlsConsole.Mls.Tests;

/// <summary>
/// The samples of src/Mls/README.md, compiled and run. <see cref="The_readme_has_these_samples"/> compares them with
/// the page.
/// </summary>
public sealed partial class Samples_of_the_readme
{
    private readonly byte[] _key = new byte[32];
    private readonly Dictionary<string, byte[]> _disk = [];

    private static Group Existing(out Client alice) =>
        Group.Create(alice = new Client(1, Credential.Basic("alice"u8.ToArray())));

    [Fact]
    public async Task Join_by_external_commit()
    {
        using var group = Existing(out var alice);
        using var ownerOfAlice = alice;
        Task<byte[]> FetchGroupInfoAsync() => Task.FromResult(group.CreateGroupInfo());
        Task<bool> SendCommitAsync(byte[] commit, byte[] groupInfo) =>
            Task.FromResult(group.Receive(commit) is ReceivedCommit);
        Task SendAsync(byte[] sent)
        {
            Assert.Equal("I am back"u8, Assert.IsType<ReceivedMessage>(group.Receive(sent)).Data);
            return Task.CompletedTask;
        }

        // <sample>
        using var client = new Client(cipherSuite: 1, Credential.Basic("did:plc:alice#phone"u8.ToArray()));
        var groupInfo = UnverifiedGroupInfo.Decode(await FetchGroupInfoAsync());
        using var joined = Group.JoinByExternalCommit(client, groupInfo);
        if (await SendCommitAsync(joined.Pending!.Commit, joined.Pending.GroupInfo))
        {
            joined.MergePendingCommit();
            await SendAsync(joined.Encrypt("I am back"u8));
        }
        // </sample>
        Assert.Equal(2, group.PublicGroup.MemberCount);
    }

    [Fact]
    public void Create_add_and_talk()
    {
        // <sample>
        using var alice = new Client(1, Credential.Basic("alice"u8.ToArray()));
        using var bob = new Client(1, Credential.Basic("bob"u8.ToArray()));
        using var keyPackage = bob.CreateKeyPackage(); // bob publishes keyPackage.Encode()

        using var group = Group.Create(alice);
        var pending = group.Commit(new() { Add = [UnverifiedKeyPackage.Decode(keyPackage.Encode())] });
        group.MergePendingCommit(); // once the delivery service has accepted pending.Commit

        using var bobsGroup = Group.JoinByWelcome(bob, keyPackage, Welcome.Decode(pending.Welcome!));
        var received = (ReceivedMessage)bobsGroup.Receive(group.Encrypt("hello"u8));
        // </sample>
        Assert.Equal("hello"u8, received.Data);
    }

    [Fact]
    public void Take_what_comes()
    {
        using var group = Existing(out var alice);
        using var ownerOfAlice = alice;
        using var bob = new Client(1, Credential.Basic("bob"u8.ToArray()));
        using var other = Group.JoinByExternalCommit(bob, UnverifiedGroupInfo.Decode(group.CreateGroupInfo()));
        var bytes = other.Pending!.Commit;
        var log = new List<string>();

        // <sample>
        try
        {
            switch (group.Receive(bytes, DateTimeOffset.UtcNow))
            {
                case ReceivedMessage message:
                    log.Add($"{message.Data.Length} bytes from leaf {message.Sender.Value}");
                    break;
                case ReceivedProposal proposal:
                    log.Add($"proposed: {proposal.Proposal.Type}");
                    break;
                case ReceivedCommit { RemovedMe: true }:
                    log.Add("I was removed");
                    break;
                case ReceivedCommit commit:
                    log.Add($"epoch {commit.Commit.Epoch}, {commit.Commit.Added.Count} added");
                    break;
                case ReceivedOwnCommit or ReceivedOwnMessage:
                    break; // what I sent came back
            }
        }
        catch (MlsException refused)
        {
            log.Add($"{refused.Rule.Id} (RFC 9420 {refused.Rule.Section})"); // and the group is as it was
        }
        // </sample>
        Assert.Equal(["epoch 1, 0 added"], log);
    }

    [Fact]
    public void Keep_it_on_disk()
    {
        using var group = Existing(out var client);
        using var ownerOfClient = client;
        var (key, disk) = (_key, _disk);

        // <sample>
        disk["client"] = client.Save(key); // once
        disk["group"] = group.Save(key); // after every change; replace, keep no copy

        using var loadedClient = Client.Load(disk["client"], key);
        using var loadedGroup = Group.Load(loadedClient, disk["group"], key);
        // </sample>
        Assert.Equal(group.EpochAuthenticator, loadedGroup.EpochAuthenticator);
    }

    [Fact]
    public void Verify_without_being_a_member()
    {
        using var group = Existing(out var alice);
        using var ownerOfAlice = alice;
        var firstGroupInfo = group.CreateGroupInfo();
        var pending = group.Commit();

        // <sample>
        var state = PublicGroup.FromGroupInfo(UnverifiedGroupInfo.Decode(firstGroupInfo), ratchetTree: null);
        var commit = state.Authenticate(MlsMessage.Decode(pending.Commit).PublicMessage!);
        var staged = state.Stage(commit, proposals: [], DateTimeOffset.UtcNow);
        state = staged.Accept(UnverifiedGroupInfo.Decode(pending.GroupInfo), ratchetTree: null);
        // </sample>
        Assert.Equal(1ul, state.Epoch);
    }

    [Fact]
    public void The_readme_has_these_samples()
    {
        var samples = Sample()
            .Matches(File.ReadAllText(ThisFile()))
            .Select(match => Dedent(match.Groups[1].Value))
            .ToList();
        var readme = File.ReadAllText(
            Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../../src/Mls/README.md")
        );
        var blocks = Block().Matches(readme).Select(match => match.Groups[1].Value.TrimEnd()).ToList();
        Assert.Equal(5, samples.Count);
        Assert.Equal(samples.Order(), blocks.Order());
    }

    private static string ThisFile([CallerFilePath] string file = "") => file;

    private static string Dedent(string code) =>
        string.Join(
                '\n',
                code.Split('\n')
                    .Select(line => line.StartsWith("        ", StringComparison.Ordinal) ? line[8..] : line)
            )
            .TrimEnd();

    [GeneratedRegex(@"// <sample>\n(.*?)        // </sample>", RegexOptions.Singleline)]
    private static partial Regex Sample();

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
