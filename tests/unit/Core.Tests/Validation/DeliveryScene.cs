using System.Buffers.Binary;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.GroupInfos;
using MlsConsole.Core.JoinTurns;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Messages;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>A conversation of Alice's and Bob's phones; Bob's tablet and Carol's phone are enrolled.</summary>
public sealed class DeliveryScene : IAsyncDisposable
{
    public const int MaxMessageBytes = 4096;

    private DeliveryScene(
        Service service,
        TestConvo convo,
        TestDevice alice,
        TestDevice bob,
        TestDevice tablet,
        TestDevice carol
    ) => (Service, Convo, Alice, Bob, Tablet, Carol) = (service, convo, alice, bob, tablet, carol);

    public Service Service { get; }
    public TestConvo Convo { get; }
    public TestDevice Alice { get; }
    public TestDevice Bob { get; }
    public TestDevice Tablet { get; }
    public TestDevice Carol { get; }
    public TestGroup Group => Convo.Group;

    /// <summary>An empty commit by Alice.</summary>
    public BuiltCommit Control => Group.Commit(Alice.Client).WithPath().Build();

    /// <summary>A commit by Alice that removes Bob's phone.</summary>
    public BuiltCommit RemovingBob => Group.Commit(Alice.Client).Remove(Group.LeafOf(Bob.Client)).Build();

    /// <summary>Bob's phone comes back.</summary>
    public BuiltCommit Resync => Group.ExternalCommit(Bob.Client).Remove(Group.LeafOf(Bob.Client)).Build();

    public static async Task<DeliveryScene> StartAsync()
    {
        var service = await Service.StartAsync(new() { MaxLeaves = 3, MaxMessageBytes = MaxMessageBytes });
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        return new(
            service,
            convo,
            alice,
            bob,
            await service.EnrolAsync(bob.Did, "tablet"),
            await service.EnrolAsync("did:example:carol", "phone")
        );
    }

    /// <summary>Publishes a key package of a device, whose key is enrolled with it.</summary>
    public async Task<byte[]> PublishAsync(TestDevice device, TestClient client)
    {
        byte[] package = client.KeyPackage();
        await Service.RegisterAsync(device.Did, device.DeviceId, client, new OfferedKeyPackage(package, false));
        return package;
    }

    public Task RegisterAsync(TestDevice device, byte[] package) =>
        Service.RegisterAsync(device.Did, device.DeviceId, device.Client, new OfferedKeyPackage(package, false));

    public BuiltCommit Adding(params byte[][] packages) =>
        packages.Aggregate(Group.Commit(Alice.Client), (commit, package) => commit.Add(package)).WithPath().Build();

    public BuiltCommit Removing(TestDevice by, TestDevice removed) =>
        Group.Commit(by.Client).Remove(Group.LeafOf(removed.Client)).Build();

    /// <summary>Alice adds key packages with the Welcome for them.</summary>
    public Task AddAsync(params byte[][] packages) =>
        AddMembersAsync(Adding(packages), ProposalBuilder.RandomWelcome(Group.Suite, packages));

    public Task AddMembersAsync(BuiltCommit commit, byte[]? welcome) =>
        Service
            .Get<MemberCommits>()
            .AddMembersAsync(
                Alice.Caller,
                new(
                    Convo.Id,
                    commit.Commit,
                    commit.GroupInfo,
                    null,
                    welcome is null ? default(ReadOnlyMemory<byte>?) : welcome,
                    null
                ),
                CancellationToken.None
            );

    public Task CreateAsync(TestGroup group) => CreateAsync(group.GroupInfo);

    public Task CreateAsync(byte[] groupInfo) =>
        Service
            .Get<ConversationCreator>()
            .CreateConvoAsync(Alice.Caller, new(groupInfo, null, null, null), CancellationToken.None);

    public Task AskTurnAsync(TestDevice device) =>
        Service
            .Get<GroupInfoProvider>()
            .GetGroupInfoAsync(device.Caller, new(Convo.Id, true, device.DeviceId), CancellationToken.None);

    /// <summary>As many as find room wait for their turn to join.</summary>
    public Task FillLineAsync() =>
        Service.Database.WriteAsync(
            context =>
            {
                for (int i = 1; i <= JoinLine.MaxPlaces; i++)
                    context.Add(
                        new JoinPlace
                        {
                            ConvoId = Convo.Id,
                            DeviceRow = -i,
                            Place = i,
                            Until = DateTimeOffset.UtcNow.AddHours(1),
                        }
                    );
                return Task.FromResult(0);
            },
            CancellationToken.None
        );

    /// <summary>
    /// A GroupInfo of another suite: its number stands behind version and wire format of the message and the version of
    /// the GroupContext.
    /// </summary>
    public static byte[] WithSuite(byte[] groupInfo, ushort suite)
    {
        BinaryPrimitives.WriteUInt16BigEndian(groupInfo.AsSpan(6), suite);
        return groupInfo;
    }

    /// <summary>What is sent has a GroupInfo of so many bytes.</summary>
    public static T WithGroupInfoOf<T>(int length, Func<int, T> build, Func<T, byte[]> groupInfo)
    {
        // Lengths have more bytes the greater they are (RFC 9420 §2.1.2): as many as at the end.
        int padding = length / 2;
        return build(length - (groupInfo(build(padding)).Length - padding));
    }

    public byte[] GroupInfoBy(TestDevice signer, byte[]? externalPub = null) =>
        Group.GroupInfoBy(signer.Client, externalPub);

    public Task<UpdateGroupInfoResult> UpdateGroupInfoAsync(TestDevice by, byte[] groupInfo) =>
        Service
            .Get<GroupInfoPublisher>()
            .UpdateGroupInfoAsync(by.Caller, new(Convo.Id, groupInfo, null), CancellationToken.None);

    public Task SendAsync(byte[] message) =>
        Service
            .Get<MessageDelivery>()
            .SendMessageAsync(Alice.Caller, new(Convo.Id, message, null), CancellationToken.None);

    /// <summary>An application message of so many bytes.</summary>
    public byte[] MessageOf(int length) =>
        ProposalBuilder.RandomPrivateMessage(
            Group,
            length: length - (ProposalBuilder.RandomPrivateMessage(Group, length: 1000).Length - 1000)
        );

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}
