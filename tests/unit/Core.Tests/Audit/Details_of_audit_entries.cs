using System.Globalization;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

public class Details_of_audit_entries
{
    private static readonly AuditEntry s_entry = new()
    {
        At = DateTimeOffset.UnixEpoch,
        Actor = "anna",
        Action = "setFlag",
        Outcome = RequestOutcomes.Accepted,
        CorrelationId = "c",
    };

    [Fact]
    public void Details_are_one_canonical_text_in_whatever_order_they_are_added()
    {
        AuditDetails nested = new AuditDetails().Add("z", true).Add("a", -5).Add("é\n", "\"€\u0001");
        const string text = """{"B":{},"a":{"a":-5,"z":true,"é\n":"\"€\u0001"},"b":9007199254740991}""";
        Assert.Equal(
            text,
            new AuditDetails()
                .Add("b", 9007199254740991)
                .Add("a", nested)
                .Add("none", null as string)
                .Add("B", new AuditDetails())
                .ToString()
        );
        Assert.Equal(text, CanonicalJson.Read(text)?.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("\"text\"")]
    [InlineData("[1]")]
    [InlineData("{\"a\":[1]}")]
    [InlineData("{\"a\":null}")]
    [InlineData("{\"a\":1.0}")]
    [InlineData("{\"a\":-0}")]
    [InlineData("{\"a\":9007199254740992}")]
    [InlineData("{ \"a\":1}")]
    [InlineData("{\"b\":1,\"a\":1}")]
    [InlineData("{\"a\":1,\"a\":1}")]
    [InlineData("{\"a\":\"\\u0041\"}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"a\":1}x")]
    [InlineData("{\"a\":1},\"epochAfter\":\"5\"")]
    public void A_text_that_is_not_exactly_a_canonical_object_is_none(string text) =>
        Assert.Null(CanonicalJson.Read(text));

    [Fact]
    public void Details_are_bounded()
    {
        AuditDetails deep = new();
        for (int i = 1; i < AuditDetails.MaxDepth; i++)
            deep = new AuditDetails().Add("in", deep);
        Assert.Throws<ArgumentException>(() => new AuditDetails().Add("in", deep));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AuditDetails().Add("a", 1L << 53));
        int longest = AuditDetails.MaxLength - "{\"a\":\"\"}".Length;
        Assert.Equal(AuditDetails.MaxLength, new AuditDetails().Add("a", new string('x', longest)).ToString().Length);
        AuditDetails longer = new AuditDetails().Add("a", new string('x', longest + 1));
        Assert.Throws<InvalidOperationException>(longer.ToString);
    }

    [Fact]
    public async Task An_export_has_the_details_as_the_object_that_they_are()
    {
        await using var service = await Service.StartAsync();
        string details = new AuditDetails().Add("after", new AuditDetails().Add("version", 2)).ToString();
        await service.Get<AuditLog>().AppendAsync(s_entry with { Details = details }, default);
        await service.Get<AuditLinker>().LinkAsync(default);
        using var text = new StringWriter();
        await AuditVerifier.ExportAsync(service.Database, text, default);
        Assert.Contains(
            ""","correlationId":"c","details":{"after":{"version":2}},"hash":""",
            text.ToString(),
            StringComparison.Ordinal
        );
        Assert.True((await AuditVerifier.VerifyAsync(service.Database, default)).Holds);
    }

    [Fact]
    public async Task Details_cannot_take_over_what_another_column_says()
    {
        await using var service = await Service.StartAsync();
        AuditEntry entry = s_entry with { EpochAfter = 5, Details = new AuditDetails().Add("a", 1).ToString() };
        await service.Get<AuditLog>().AppendAsync(entry, default);
        await service.Get<AuditLinker>().LinkAsync(default);
        foreach (
            string forged in (string[])
                ["""{"a":1},"epochAfter":"5" """.Trim(), """{"a": 1}""", """{"a":1,"epochAfter":"5"}"""]
        )
        {
            await service.Database.WriteAsync(
                context => context.Database.ExecuteSqlAsync($"UPDATE audit SET details = {forged}, epoch_after = NULL"),
                default
            );
            Assert.False((await AuditVerifier.VerifyAsync(service.Database, default)).Holds, forged);
        }
        await service.Database.WriteAsync(
            context => context.Database.ExecuteSqlAsync($"UPDATE audit SET details = {entry.Details}, epoch_after = 5"),
            default
        );
        Assert.True((await AuditVerifier.VerifyAsync(service.Database, default)).Holds);
    }

    /// <summary>
    /// A chain as it was linked before entries had details. Its hashes were computed without this program, with
    /// Python's json and hashlib.
    /// </summary>
    [Fact]
    public async Task A_chain_from_before_entries_had_details_still_holds()
    {
        string[] hashes =
        [
            "3f264a28462fd6a42ec3ebe055aec7276657c93cb9e4d6ff7429d7bf6d97cfc5",
            "8198a71c30fc99b1e96d97169ca59727f22ca8f11cfadc13b919eb5f23f0a612",
            "cffe33fc2f412b7b00a7dc2b9cc65969e6a79c3a82e41a98833e86d58867ba7c",
        ];
        await using var service = await Service.StartAsync();
        await service.Database.WriteAsync(
            async context =>
            {
                await context.Database.ExecuteSqlAsync(
                    $"""
                    INSERT INTO audit
                    (id, at, actor, action, subject, outcome, reason, epoch_before, epoch_after, correlation_id, times)
                    VALUES
                    (1, 1767323045678, 'did:web:a', 'commit', 'convo', 'accepted', NULL, 11, 12, 'c1', 1),
                    (2, 1767323046000, 'console', 'setFlag', 'external_commits_enabled: off -> on', 'accepted', 'why',
                    NULL, NULL, 'c2', 1),
                    (4, 1767323100000, 'unauthenticated', 'commit', NULL, 'AuthenticationRequired', 'token-missing',
                    NULL, NULL, 'c3', 9)
                    """
                );
                for (int i = 0; i < hashes.Length; i++)
                {
                    byte[] hash = Convert.FromHexString(hashes[i]);
                    string correlationId = "c" + (i + 1).ToString(CultureInfo.InvariantCulture);
                    await context.Database.ExecuteSqlAsync(
                        $"UPDATE audit SET position = {i + 1}, hash = {hash} WHERE correlation_id = {correlationId}"
                    );
                }
                context.Add(
                    new Lease
                    {
                        Name = AuditLinker.LeaseName,
                        Holder = "a former run",
                        Position = hashes.Length,
                        Hash = Convert.FromHexString(hashes[^1]),
                    }
                );
                return 0;
            },
            default
        );
        AuditReport report = await AuditVerifier.VerifyAsync(service.Database, default);
        Assert.Equal((3, 0, hashes[^1], true), (report.Linked, report.Unlinked, report.Head, report.Holds));
    }
}
