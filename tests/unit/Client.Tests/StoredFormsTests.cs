using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients.Tests;

/// <summary>
/// The names and the bytes of what the client keeps in its store. They must not change: a device has to find, after an
/// update of the client, what the client before has written.
/// </summary>
public sealed class StoredFormsTests
{
    private readonly MemoryStore _store = new();

    [Fact]
    public async Task A_group()
    {
        await WriteAsync("group/convo", "0000000000000102" + "0003" + "aabb");
        var saved = await StoredGroup.ReadAsync(_store, "convo", default);
        Assert.NotNull(saved);
        Assert.Equal(("convo", 258L, (ushort)3), (saved.ConversationId, saved.LastSeq, saved.CipherSuite));
        Assert.Equal([0xaa, 0xbb], saved.SealedState.ToArray());
        AssertEntry("group/convo", "00000000000001020003aabb", saved.ToEntry());
        Assert.Equal(new("group/convo", null), StoredGroup.Deletion("convo"));
        Assert.Equal(["convo"], await StoredGroup.ConversationIdsAsync(_store, default));
        Assert.Null(await StoredGroup.ReadAsync(_store, "other", default));
    }

    [Fact]
    public async Task A_leave_that_is_under_way()
    {
        const string Json = """{"convoId":"convo","proposals":["AAEC"],"idempotencyKey":"key"}""";
        await WriteAsync("leaving/convo", Convert.ToHexString(Encoding.UTF8.GetBytes(Json)));
        var saved = await StoredLeave.ReadAsync(_store, "convo", default);
        Assert.NotNull(saved);
        Assert.Equal(("convo", "key"), (saved.Input.ConvoId, saved.Input.IdempotencyKey));
        Assert.Equal(["AAEC"], saved.Input.Proposals);
        var entry = saved.ToEntry();
        Assert.Equal("leaving/convo", entry.Name);
        Assert.Equal(Lexicons.LeaveConvo.WriteInput(saved.Input), entry.Value);
        Assert.Equal(new("leaving/convo", null), StoredLeave.Deletion("convo"));

        await StoredLeave.DeleteAsync(_store, "convo", default);
        Assert.Null(await StoredLeave.ReadAsync(_store, "convo", default));
    }

    [Fact]
    public async Task The_times_of_rejoins()
    {
        Assert.Empty((await StoredRejoinTimes.ReadAsync(_store, "convo", default)).Times);
        await WriteAsync("rejoins/convo", "00000000000003e8" + "0000019a5f4b3c01");
        var saved = await StoredRejoinTimes.ReadAsync(_store, "convo", default);
        Assert.Equal(
            [DateTimeOffset.FromUnixTimeMilliseconds(1000), DateTimeOffset.FromUnixTimeMilliseconds(0x19a5f4b3c01)],
            saved.Times
        );
        AssertEntry("rejoins/convo", "00000000000003e80000019a5f4b3c01", saved.ToEntry());
        AssertEntry("rejoins/convo", "", (saved with { Times = [] }).ToEntry());
    }

    [Fact]
    public async Task A_request_to_be_added_again()
    {
        await WriteAsync("request/convo", "00000000000003e8" + "414145433d");
        var saved = await StoredRejoinRequest.ReadAsync(_store, "convo", default);
        Assert.Equal(new("convo", DateTimeOffset.FromUnixTimeMilliseconds(1000), "AAEC="), saved);
        AssertEntry("request/convo", "00000000000003e8414145433d", saved!.ToEntry());
        Assert.Equal(new("request/convo", null), StoredRejoinRequest.Deletion("convo"));
        Assert.Null(await StoredRejoinRequest.ReadAsync(_store, "other", default));
    }

    [Fact]
    public async Task A_signature_key()
    {
        await WriteAsync("client/2", "aabb");
        var saved = await StoredClient.ReadAsync(_store, 2, default);
        Assert.NotNull(saved);
        AssertEntry("client/2", "aabb", saved.ToEntry());
        Assert.Null(await StoredClient.ReadAsync(_store, 1, default));
    }

    [Fact]
    public async Task A_key_package()
    {
        await WriteAsync("keypackage/0aff", "aabb");
        var saved = await StoredKeyPackage.ReadAsync(_store, new byte[] { 0x0a, 0xff }, default);
        Assert.NotNull(saved);
        AssertEntry("keypackage/0aff", "aabb", saved.ToEntry());
        Assert.Equal(new("keypackage/0aff", null), saved.ToDeletion());
        Assert.Equal("0aff", Assert.Single(await StoredKeyPackage.ListAsync(_store, default)).Reference);
        Assert.Null(await StoredKeyPackage.ReadAsync(_store, new byte[] { 0x0a }, default));
    }

    [Fact]
    public async Task That_key_packages_were_published()
    {
        Assert.False(await StoredPublication.ExistsAsync(_store, 1, default));
        await WriteAsync("published/1", "");
        Assert.True(await StoredPublication.ExistsAsync(_store, 1, default));
        AssertEntry("published/1", "", new StoredPublication(1).ToEntry());
    }

    [Fact]
    public async Task The_place_in_the_stream_of_events()
    {
        Assert.Null(await StoredEventCursor.ReadAsync(_store, default));
        await WriteAsync("events/cursor", "3432");
        Assert.Equal(new("42"), await StoredEventCursor.ReadAsync(_store, default));
        AssertEntry("events/cursor", "3432", StoredEventCursor.After(42).ToEntry());
        Assert.Equal(new("events/cursor", null), StoredEventCursor.Deletion);
    }

    [Fact]
    public async Task What_is_sealed_is_opened_with_the_key_of_the_store()
    {
        using var client = new Client(1, Credential.Basic(MemberIdentity.Of("did:web:alice", "phone")));
        using var group = Group.Create(client);
        using var package = client.CreateKeyPackage();
        await _store.WriteAsync(
            default,
            StoredClient.Of(1, client, _store).ToEntry(),
            StoredGroup.Of("convo", 7, group, _store).ToEntry(),
            StoredKeyPackage.Of(package, _store).ToEntry()
        );

        using var openedClient = (await StoredClient.ReadAsync(_store, 1, default))!.Open(_store, null);
        using var openedGroup = (await StoredGroup.ReadAsync(_store, "convo", default))!.Open(openedClient, _store);
        var reference = package.KeyPackage.Reference;
        using var openedPackage = (await StoredKeyPackage.ReadAsync(_store, reference, default))!.Open(_store);

        Assert.Equal(client.SignatureKey.PublicKey, openedClient.SignatureKey.PublicKey);
        Assert.Equal(group.EpochAuthenticator, openedGroup.EpochAuthenticator);
        Assert.Equal(package.Encode(), openedPackage.Encode());
    }

    private async Task WriteAsync(string name, string hex) =>
        await _store.WriteAsync(default, new StoreEntry(name, Convert.FromHexString(hex)));

    private static void AssertEntry(string name, string hex, StoreEntry entry)
    {
        Assert.Equal(name, entry.Name);
        Assert.Equal(hex, Convert.ToHexStringLower(entry.Value!));
    }
}
