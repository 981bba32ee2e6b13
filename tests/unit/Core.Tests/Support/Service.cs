using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlsConsole.Core.Conversations;
using MlsConsole.Core.Devices;
using MlsConsole.Core.Epochs;
using MlsConsole.Core.ExternalCommits;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.KeyPackages;
using MlsConsole.Core.Membership;
using MlsConsole.Core.Proposals;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Rows;
using MlsConsole.Core.Storage;
using MlsConsole.Mls;
using MlsConsole.TestKit;

namespace MlsConsole.Core.Tests;

/// <summary>
/// All of Core over a database of its own, with the flag on: a SQLite file, or with
/// <c>MLSCONSOLE_TEST_STORAGE=PostgreSql</c> a PostgreSQL database.
/// </summary>
public sealed class Service : IAsyncDisposable
{
    // All hosts of a database use one key ring.
    private static readonly EphemeralDataProtectionProvider s_keyRing = new();

    /// <summary>The tables in which a refusal may leave a row or change one, with the reason.</summary>
    private static readonly Dictionary<string, string> s_changedByRefusals = new()
    {
        ["audit"] = "A refused call is audited like an accepted one.",
    };

    private string _folder = Directory.CreateTempSubdirectory("mlsconsole").FullName;
    private string? _postgreSql;
    private bool _guest;
    private ServiceProvider _provider = null!;

    /// <summary>For tests that join far more often than a person would.</summary>
    public static CoreSettings NoLimits { get; } =
        new() { RejoinLimitPerHour = 1_000_000, RejoinRefusedLimitPerHour = 1_000_000 };

    public static bool OnPostgreSql { get; } =
        Environment.GetEnvironmentVariable("MLSCONSOLE_TEST_STORAGE") == "PostgreSql";

    private TimeProvider Clock { get; init; } = TimeProvider.System;

    public static async Task<Service> StartAsync(CoreSettings? settings = null, TimeProvider? clock = null)
    {
        var service = new Service { Clock = clock ?? TimeProvider.System };
        if (OnPostgreSql)
            service._postgreSql = await PostgreSqlCluster.CreateDatabaseAsync();
        else
            await SqliteTemplate.CopyToAsync(service.SqliteFile);
        await service.BootAsync(settings);
        return service;
    }

    private string SqliteFile => Path.Combine(_folder, "mls.db");

    private Database Open() =>
        _postgreSql is null
            ? Core.Storage.Database.Sqlite($"Data Source={SqliteFile}")
            : Core.Storage.Database.PostgreSql(_postgreSql);

    private async Task BootAsync(CoreSettings? settings, bool start = true)
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory, LoggerFactory>().AddSingleton(typeof(ILogger<>), typeof(Logger<>));
        services
            .AddSingleton(Clock)
            .AddSingleton<IDataProtectionProvider>(s_keyRing)
            .AddCore(Open(), settings ?? NoLimits)
            .AddRollouts();
        _provider = services.BuildServiceProvider();
        await _provider.GetRequiredService<FlagStore>().CreateAsync(FlagState.On, CancellationToken.None);
        if (start)
            await Get<SignatureKeys>().StartAsync(CancellationToken.None);
    }

    /// <summary>Another host over the same file, with nothing in memory shared. It is disposed first.</summary>
    public async Task<Service> SecondHostAsync(CoreSettings? settings = null, bool start = true)
    {
        var second = new Service { Clock = Clock };
        Directory.Delete(second._folder);
        (second._folder, second._postgreSql, second._guest) = (_folder, _postgreSql, true);
        await second.BootAsync(settings, start);
        return second;
    }

    /// <summary>Everything in memory is gone; the file stays.</summary>
    public async Task RestartAsync()
    {
        await _provider.DisposeAsync();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        await BootAsync(null);
    }

    public Database Database => Get<Database>();

    public T Get<T>()
        where T : notnull => _provider.GetRequiredService<T>();

    public static Caller Caller(string did) => new(Did.Parse(did), "test");

    public async Task<TestDevice> EnrolAsync(string did, string deviceId, ushort suite = 1)
    {
        var client = new TestClient(suite, $"{did}#{deviceId}");
        await RegisterAsync(did, deviceId, client);
        return new(did, deviceId, client);
    }

    public Task<RegisterDeviceResult> RegisterAsync(
        string did,
        string deviceId,
        TestClient client,
        params OfferedKeyPackage[] packages
    ) =>
        Get<DeviceRegistry>()
            .RegisterDeviceAsync(
                Caller(did),
                new(deviceId, "A device", client.SignatureKey.PublicKey, null, packages, null),
                CancellationToken.None
            );

    public async Task<TestConvo> CreateConvoAsync(TestDevice creator, params Extension[] extensions)
    {
        var group = TestGroup.Create(creator.Client, extensions: new(extensions));
        var view = await Get<ConversationCreator>()
            .CreateConvoAsync(creator.Caller, new(group.GroupInfo, null, null, null), CancellationToken.None);
        return new(view.ConvoId, group);
    }

    public Task<CommitResult> JoinAsync(
        TestConvo convo,
        TestDevice joiner,
        BuiltCommit commit,
        string? key = null,
        string? turnId = null
    ) =>
        Get<ExternalCommitProcessor>()
            .ProcessExternalCommitAsync(
                joiner.Caller,
                new(convo.Id, commit.Commit, commit.GroupInfo, null, turnId, key),
                CancellationToken.None
            );

    public Task<CommitResult> CommitAsync(
        TestConvo convo,
        TestDevice committer,
        BuiltCommit commit,
        byte[]? welcome = null,
        string? key = null
    ) =>
        Get<MemberCommits>()
            .CommitAsync(
                committer.Caller,
                new(convo.Id, commit.Commit, commit.GroupInfo, null, welcome ?? default(ReadOnlyMemory<byte>?), key),
                CancellationToken.None
            );

    public Task<SendProposalResult> ProposeAsync(
        TestConvo convo,
        TestDevice member,
        byte[] proposal,
        string? key = null
    ) => Get<ProposalReceiver>().SendProposalAsync(member.Caller, new(convo.Id, proposal, key), CancellationToken.None);

    /// <summary>The device's account leaves; the device proposes the removal of the given leaves.</summary>
    public async Task<IReadOnlyList<byte[]>> LeaveAsync(TestConvo convo, TestDevice device, params Proposal[] proposals)
    {
        var messages = proposals.Select(proposal => convo.Group.Propose(device.Client, proposal)).ToList();
        await Get<Leaving>()
            .LeaveConvoAsync(
                device.Caller,
                new(convo.Id, [.. messages.Select(message => (ReadOnlyMemory<byte>)message)], null),
                CancellationToken.None
            );
        return messages;
    }

    public Task<CommitResult> RemoveMemberAsync(
        TestConvo convo,
        TestDevice by,
        string target,
        BuiltCommit commit,
        string? reason = null
    ) =>
        Get<MemberCommits>()
            .RemoveMemberAsync(
                by.Caller,
                new(convo.Id, commit.Commit, commit.GroupInfo, null, null, null),
                Did.Parse(target),
                reason,
                CancellationToken.None
            );

    public Task<SetAdminResult> PromoteAsync(TestConvo convo, TestDevice by, string target) =>
        Get<Admins>()
            .PromoteAdminAsync(by.Caller, new(convo.Id, Did.Parse(target), null, null), CancellationToken.None);

    public Task<SetAdminResult> DemoteAsync(TestConvo convo, TestDevice by, string target) =>
        Get<Admins>().DemoteAdminAsync(by.Caller, new(convo.Id, Did.Parse(target), null, null), CancellationToken.None);

    public Task BanAsync(string did, string convoId) =>
        Database.WriteAsync(
            context =>
            {
                context.Add(
                    new Ban
                    {
                        Did = did,
                        ConvoId = convoId,
                        CreatedAt = Clock.GetUtcNow(),
                    }
                );
                return Task.FromResult(0);
            },
            CancellationToken.None
        );

    public Task<PublishKeyPackagesResult> PublishAsync(TestDevice device, params byte[][] packages) =>
        Get<KeyPackageStore>()
            .PublishKeyPackagesAsync(
                device.Caller,
                new(device.DeviceId, [.. packages.Select(package => new OfferedKeyPackage(package, false))], null),
                CancellationToken.None
            );

    public Task<ClaimKeyPackagesResult> ClaimAsync(TestDevice claimer, params TestDevice[] targets) =>
        Get<KeyPackageStore>()
            .ClaimKeyPackagesAsync(
                claimer.Caller,
                new([.. targets.Select(target => Did.Parse(target.Did))], targets[0].Client.Suite.Id, null),
                CancellationToken.None
            );

    /// <summary>A group of Alice's and Bob's first devices.</summary>
    public async Task<(TestConvo Convo, TestDevice Alice, TestDevice Bob)> AliceAndBobAsync(ushort suite = 1)
    {
        var alice = await EnrolAsync("did:example:alice", "phone", suite);
        var bob = await EnrolAsync("did:example:bob", "phone", suite);
        var convo = await CreateConvoAsync(alice);
        convo = await AddAsync(convo, alice, bob);
        return (convo, alice, bob);
    }

    /// <summary>The first member adds a device with a freshly published key package.</summary>
    public async Task<TestConvo> AddAsync(TestConvo convo, TestDevice by, TestDevice added)
    {
        var package = added.Client.KeyPackage();
        await RegisterAsync(added.Did, added.DeviceId, added.Client, new OfferedKeyPackage(package, false));
        var commit = convo.Group.Commit(by.Client).Add(package).WithPath().Build();
        var welcome = ProposalBuilder.RandomWelcome(by.Client.Suite, package);
        await Get<MemberCommits>()
            .AddMembersAsync(
                by.Caller,
                new(convo.Id, commit.Commit, commit.GroupInfo, null, welcome, null),
                CancellationToken.None
            );
        return convo with { Group = commit.After! };
    }

    /// <summary>
    /// Everything that a refusal must leave as it was: the rows of all tables of the model but those of
    /// <see cref="s_changedByRefusals"/>. A row is a line that begins with its table's name.
    /// </summary>
    /// <param name="but">More tables that are left out: those that the refusal under test has to change.</param>
    public async Task<string> StateAsync(params string[] but)
    {
        await using var context = Database.Read();
        var connection = context.Database.GetDbConnection();
        await connection.OpenAsync();
        var state = new System.Text.StringBuilder();
        var tables = context.Model.GetEntityTypes().Select(type => type.GetTableName()!).Distinct();
        foreach (string table in tables.Except([.. s_changedByRefusals.Keys, .. but]).Order(StringComparer.Ordinal))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT * FROM {table}";
            await using var reader = await command.ExecuteReaderAsync();
            var rows = new List<string>();
            while (await reader.ReadAsync())
            {
                object[] values = new object[reader.FieldCount];
                reader.GetValues(values);
                rows.Add(string.Join('|', values.Select(Text)));
            }
            foreach (string row in rows.Order(StringComparer.Ordinal))
                state.Append(table).Append('|').Append(row).Append('\n');
        }
        return state.ToString();
    }

    private static string? Text(object value) => value is byte[] bytes ? Convert.ToHexString(bytes) : value.ToString();

    /// <summary>How the database would find the rows of a command, step by step.</summary>
    public async Task<IReadOnlyList<string>> PlanAsync(
        string statement,
        IReadOnlyList<(string Name, object? Value)> parameters
    )
    {
        await using var context = Database.Read();
        var connection = context.Database.GetDbConnection();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        if (OnPostgreSql)
        {
            command.CommandText = "SET enable_seqscan = off";
            await command.ExecuteNonQueryAsync();
        }
        command.CommandText = $"EXPLAIN {(OnPostgreSql ? "" : "QUERY PLAN ")}{statement}";
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }
        var steps = new List<string>();
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            steps.Add(reader.GetString(OnPostgreSql ? 0 : 3));
        return steps;
    }

    public async ValueTask DisposeAsync()
    {
        await _provider.DisposeAsync();
        if (_guest)
            return;
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, true);
    }
}

/// <summary>A device that is enrolled.</summary>
public sealed record TestDevice(string Did, string DeviceId, TestClient Client)
{
    public Caller Caller => Service.Caller(Did);

    public TestDevice With(TestClient client) => this with { Client = client };
}

/// <summary>A conversation and what its group looks like to its members.</summary>
public sealed record TestConvo(string Id, TestGroup Group);
