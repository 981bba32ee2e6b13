using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

public class Chaining_audit_entries
{
    private const int Entries = 7;

    [Fact]
    public async Task Entries_are_written_unlinked_and_linked_in_the_order_of_their_ids()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        var before = await Verify(service);
        Assert.Equal((0, Entries, true), (before.Linked, before.Unlinked, before.Holds));
        Assert.Equal(Entries, await service.Get<AuditLinker>().LinkAsync(default));
        Assert.Equal(0, await service.Get<AuditLinker>().LinkAsync(default));
        var after = await Verify(service);
        Assert.Equal((Entries, 0, true), (after.Linked, after.Unlinked, after.Holds));

        await Append(service, 1);
        Assert.Equal(1, await service.Get<AuditLinker>().LinkAsync(default));
        var longer = await Verify(service);
        Assert.Equal((Entries + 1, true), (longer.Linked, longer.Holds));
        Assert.NotEqual(after.Head, longer.Head);
    }

    [Fact]
    public async Task Every_attempt_is_in_the_chain()
    {
        await using var service = await Service.StartAsync();
        var (convo, alice, bob) = await service.AliceAndBobAsync();
        await service.JoinAsync(
            convo,
            bob,
            convo.Group.ExternalCommit(bob.Client).Remove(convo.Group.LeafOf(bob.Client)).Build()
        );
        await Assert.ThrowsAsync<RefusedException>(() =>
            service.CommitAsync(convo, alice, convo.Group.Commit(alice.Client).WithPath().Build())
        );
        await service.Get<AuditLinker>().LinkAsync(default);
        var entries = await Rows(service);
        Assert.Equal(
            [
                "registerDevice",
                "registerDevice",
                "createConvo",
                "registerDevice",
                "addMembers",
                "processExternalCommit",
                "commit",
            ],
            entries.Select(entry => entry.Action)
        );
        Assert.Equal("EpochMismatch", entries[^1].Outcome);
        Assert.Equal(Enumerable.Range(1, entries.Count).Select(i => (long?)i), entries.Select(entry => entry.Position));
        Assert.True((await Verify(service)).Holds);
    }

    [Fact]
    public async Task A_change_of_any_column_of_any_entry_is_found_and_the_entry_named()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        await using var context = service.Database.Read();
        var columns = context
            .Model.FindEntityType(typeof(AuditEntry))!
            .GetProperties()
            .Select(property =>
                (Name: property.GetColumnName(), Type: property.GetProviderClrType() ?? property.ClrType)
            )
            .ToList();
        Assert.Equal(14, columns.Count);
        foreach (var (column, type) in columns)
        {
            foreach (int position in (int[])[1, 4, Entries])
            {
                var target = (await Rows(service)).Single(entry => entry.Position == position);
                string value =
                    type == typeof(string) ? $"coalesce({column}, '') || 'x'"
                    : type == typeof(byte[]) ? "NULL"
                    : $"coalesce({column}, 0) + 1000";
                string keep = type == typeof(string) ? $"{column} || ''" : column;
                await Sql(service, $"CREATE TABLE kept AS SELECT * FROM audit WHERE position = {position}");
                await Sql(service, $"UPDATE audit SET {column} = {value} WHERE position = {position}");
                var report = await Verify(service);
                Assert.False(report.Holds, $"{column} of {position}");
                // Whoever moves an entry leaves a hole where it was.
                Assert.Equal(
                    (
                        position,
                        column == "position" ? null
                        : column == "id" ? target.Id + 1000
                        : (long?)target.Id
                    ),
                    (report.Broken!.Position, report.Broken.Id)
                );
                Assert.Equal(position - 1, report.Linked);
                string at =
                    column == "position"
                        ? $"position = {position + 1000} OR position IS NULL"
                        : $"position = {position}";
                await Sql(service, $"UPDATE audit SET {column} = (SELECT {keep} FROM kept) WHERE {at}");
                await Sql(service, "DROP TABLE kept");
                Assert.True((await Verify(service)).Holds, $"{column} of {position}, put back");
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(Entries)]
    public async Task A_deleted_entry_is_found_and_named(int position)
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        await Sql(service, $"DELETE FROM audit WHERE position = {position}");
        var report = await Verify(service);
        Assert.Equal((position, null, position - 1), (report.Broken!.Position, report.Broken.Id, report.Linked));
    }

    [Fact]
    public async Task A_deleted_entry_is_found_even_if_those_after_it_move_up()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        await Sql(service, "DELETE FROM audit WHERE position = 3");
        for (int position = 4; position <= Entries; position++)
            await Sql(service, $"UPDATE audit SET position = position - 1 WHERE position = {position}");
        Assert.Equal(3, (await Verify(service)).Broken!.Position);
    }

    [Fact]
    public async Task Two_entries_that_changed_places_are_found_and_the_first_named()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        var ids = (await Rows(service)).ToDictionary(entry => entry.Position!.Value, entry => entry.Id);
        await Sql(service, "UPDATE audit SET position = -1 WHERE position = 2");
        await Sql(service, "UPDATE audit SET position = 2 WHERE position = 5");
        await Sql(service, "UPDATE audit SET position = 5 WHERE position = -1");
        var report = await Verify(service);
        Assert.Equal((2, (long?)ids[5]), (report.Broken!.Position, report.Broken.Id));
    }

    [Fact]
    public async Task An_entry_that_was_put_in_or_appended_is_found_and_named()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        var last = (await Rows(service))[^1];
        // As good a forgery as can be made without the linker's row: right place, right hash.
        var forged = last with
        {
            Id = 1000,
            Subject = "forged",
        };
        string hash = Convert.ToHexString(AuditChain.HashOf(forged, Entries + 1, last.Hash!));
        await Sql(
            service,
            "INSERT INTO audit (id, at, actor, action, subject, outcome, correlation_id, times) "
                + "SELECT 1000, at, actor, action, 'forged', outcome, correlation_id, times "
                + $"FROM audit WHERE position = {Entries}"
        );
        Assert.Equal((true, 1), ((await Verify(service)).Holds, (await Verify(service)).Unlinked));
        await service.Database.WriteAsync(
            async context =>
            {
                var row = await context.Set<AuditEntry>().AsTracking().SingleAsync(entry => entry.Id == 1000);
                context.Entry(row).Property(entry => entry.Position).CurrentValue = Entries + 1;
                context.Entry(row).Property(entry => entry.Hash).CurrentValue = Convert.FromHexString(hash);
                return 0;
            },
            default
        );
        Assert.Equal(Entries + 1, (await Verify(service)).Broken!.Position);
        for (int position = Entries; position >= 4; position--)
            await Sql(service, $"UPDATE audit SET position = {position + 10} WHERE position = {position}");
        await Sql(service, $"UPDATE audit SET position = 4 WHERE position = {Entries + 1}");
        for (int position = 4; position <= Entries; position++)
            await Sql(service, $"UPDATE audit SET position = {position + 1} WHERE position = {position + 10}");
        var report = await Verify(service);
        Assert.Equal((4, (long?)1000), (report.Broken!.Position, report.Broken.Id));
    }

    [Fact]
    public async Task A_linker_that_was_cut_off_leaves_nothing_half_done_and_the_next_one_goes_on()
    {
        await using var service = await Service.StartAsync();
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        await Append(service, Entries);
        await Assert.ThrowsAsync<InvalidOperationException>(() =>
            service.Database.WriteAsync<int>(
                async context =>
                {
                    Assert.Equal(Entries, await service.Get<AuditLinker>().LinkBatchAsync(context));
                    await context.SaveChangesAsync();
                    throw new InvalidOperationException("The power fails before the commit.");
                },
                default
            )
        );
        Assert.Equal((Entries, Entries, true), await Summary());
        await service.RestartAsync();
        await Task.Delay(Leases.Duration); // the lease of the process before
        Assert.Equal(Entries, await service.Get<AuditLinker>().LinkAsync(default));
        Assert.Equal((2 * Entries, 0, true), await Summary());

        async Task<(long, long, bool)> Summary() =>
            await Verify(service) is var report ? (report.Linked, report.Unlinked, report.Holds) : default;
    }

    [Fact]
    public async Task Of_two_linkers_one_works_until_its_lease_runs_out()
    {
        await using var service = await Service.StartAsync();
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        AuditLinker first = new(service.Database, new(new("a host"), clock)),
            second = new(service.Database, new(new("a host"), clock));
        await Append(service, 1);
        Assert.Equal(1, await first.LinkAsync(default));
        await Append(service, 1);
        Assert.Equal(0, await second.LinkAsync(default));
        Assert.Equal(0, await service.Database.WriteAsync(second.LinkBatchAsync, default));
        Assert.Equal(1, await first.LinkAsync(default));
        await Append(service, 1);
        clock.Advance(Leases.Duration + TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, await second.LinkAsync(default));
        await Append(service, 1);
        Assert.Equal(0, await first.LinkAsync(default));
        Assert.Equal(
            (3, 1, true),
            await Verify(service) is var report ? (report.Linked, report.Unlinked, report.Holds) : default
        );
    }

    [Fact]
    public async Task Linkers_whose_clocks_disagree_still_make_one_chain()
    {
        await using var service = await Service.StartAsync();
        var linkers = Enumerable
            .Range(0, 3)
            .Select(i => new AuditLinker(
                service.Database,
                new(new("a host"), new FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(i)))
            ))
            .ToList();
        var writing = Task.Run(() => Append(service, 200));
        var linking = linkers
            .Select(linker =>
                Task.Run(async () =>
                {
                    while (!writing.IsCompleted)
                        await linker.LinkAsync(default);
                })
            )
            .ToList();
        await Task.WhenAll([writing, .. linking]);
        await linkers[2].LinkAsync(default);
        var report = await Verify(service);
        Assert.Equal((200, 0, true), (report.Linked, report.Unlinked, report.Holds));
    }

    [Fact]
    public async Task An_export_has_every_entry_and_its_lines_prove_themselves()
    {
        await using var service = await Service.StartAsync();
        await service
            .Get<AuditLog>()
            .AppendAsync(
                new()
                {
                    At = DateTimeOffset.UnixEpoch.AddMilliseconds(1234),
                    Actor = "did:web:a",
                    Action = "commit",
                    Subject = "\"\\\u0001\n€😀é",
                    Outcome = "accepted",
                    EpochBefore = ulong.MaxValue - 1 >> 1,
                    EpochAfter = 12,
                    CorrelationId = "c",
                },
                default
            );
        await Append(service, Entries);
        await service.Get<AuditLinker>().LinkAsync(default);
        await Append(service, 1);
        using var text = new StringWriter();
        await AuditVerifier.ExportAsync(service.Database, text, default);
        var lines = text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Entries + 2, lines.Length);
        string previous = new('0', 64);
        for (int i = 0; i <= Entries; i++)
        {
            using var json = JsonDocument.Parse(lines[i]);
            string hash = json.RootElement.GetProperty("hash").GetString()!;
            string hashed = lines[i].Replace($"\"hash\":\"{hash}\",", "", StringComparison.Ordinal);
            Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(hashed))));
            Assert.Equal(
                (previous, i + 1),
                (
                    json.RootElement.GetProperty("previous").GetString(),
                    json.RootElement.GetProperty("position").GetInt32()
                )
            );
            previous = hash;
        }
        Assert.Equal((await Verify(service)).Head, previous);
        Assert.StartsWith(
            """{"action":"commit","actor":"did:web:a","at":"1970-01-01T00:00:"""
                + """01.234Z","correlationId":"c","epochAfter":"12","epochBefore":"9223372036854775807","hash":""",
            lines[0],
            StringComparison.Ordinal
        );
        Assert.EndsWith(""","subject":"\"\\\u0001\n€😀é","times":1}""", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("\"hash\"", lines[^1], StringComparison.Ordinal);
    }

    private static async Task Append(Service service, int count)
    {
        for (int i = 0; i < count; i++)
        {
            await service
                .Get<AuditLog>()
                .AppendAsync(
                    new()
                    {
                        At = DateTimeOffset.UtcNow,
                        Actor = "did:example:alice",
                        Action = "commit",
                        Subject = i.ToString(CultureInfo.InvariantCulture),
                        Outcome = "InvalidCommit",
                        Reason = "some-rule",
                        EpochBefore = 1,
                        EpochAfter = 2,
                        CorrelationId = "c",
                    },
                    default
                );
        }
    }

    private static Task<AuditReport> Verify(Service service) => AuditVerifier.VerifyAsync(service.Database, default);

    private static async Task<List<AuditEntry>> Rows(Service service)
    {
        await using var context = service.Database.Read();
        return await context.Set<AuditEntry>().OrderBy(entry => entry.Id).ToListAsync();
    }

    private static Task Sql(Service service, string sql) =>
        service.Database.WriteAsync(context => context.Database.ExecuteSqlRawAsync(sql), default);
}
