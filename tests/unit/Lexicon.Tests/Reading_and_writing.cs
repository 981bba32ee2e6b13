using System.Text;

namespace MlsConsole.Lexicon.Tests;

public class Reading_and_writing
{
    private static ProcessExternalCommitInput Read(string json) =>
        Lexicons.ProcessExternalCommit.ReadInput(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void An_input_is_read_as_it_was_written()
    {
        var input = new ProcessExternalCommitInput
        {
            ConvoId = "c",
            ExternalCommit = "AAAA",
            GroupInfo = "BBBB",
            IdempotencyKey = "k\"ü",
        };
        Assert.Equal(input, Lexicons.ProcessExternalCommit.ReadInput(Lexicons.ProcessExternalCommit.WriteInput(input)));
    }

    [Fact]
    public void An_output_leaves_absent_fields_out()
    {
        var output = new GetGroupInfoOutput
        {
            GroupInfo = "AAAA",
            Epoch = 3,
            ExpiresAt = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
        };
        Assert.Equal(
            """{"groupInfo":"AAAA","epoch":3,"expiresAt":"2026-01-02T03:04:05.678Z"}""",
            Encoding.UTF8.GetString(Lexicons.GetGroupInfo.WriteOutput(output))
        );
    }

    [Fact]
    public void Nested_objects_and_arrays_survive()
    {
        var convo = new ConvoView
        {
            ConvoId = "c",
            GroupId = "00",
            Epoch = 1,
            CipherSuite = 1,
            CreatedAt = DateTimeOffset.UnixEpoch,
            Members =
            [
                new MemberView
                {
                    Did = "did:web:a",
                    DeviceId = "d",
                    LeafIndex = 0,
                    IsAdmin = true,
                },
                new MemberView
                {
                    Did = "did:web:b",
                    DeviceId = "e",
                    LeafIndex = 1,
                    IsAdmin = false,
                },
            ],
        };
        var read = Lexicons.CreateConvo.ReadOutput(Lexicons.CreateConvo.WriteOutput(new() { Convo = convo })).Convo;
        Assert.Equal(convo.Members, read.Members);
        Assert.Equal(
            convo with
            {
                Members = [],
            },
            read with
            {
                Members = convo.Members.Take(0).ToArray(),
            } with
            {
                Members = [],
            }
        );
    }

    [Theory]
    [InlineData("", "The input is not well-formed JSON.")]
    [InlineData("[]", "The input must be an object.")]
    [InlineData("{", "The input is not well-formed JSON.")]
    [InlineData("""{"convoId":"c","externalCommit":"A","groupInfo":"A"} x""", "The input is not well-formed JSON.")]
    [InlineData("""{"convoId":"c","externalCommit":"AAAA"}""", "groupInfo is required.")]
    [InlineData("""{"convoId":null}""", "convoId must not be null.")]
    [InlineData("""{"convoId":1}""", "convoId must be a string.")]
    [InlineData("""{"convoId":"a","convoId":"b"}""", "convoId stands twice.")]
    [InlineData("""{"CONVOID":"c","externalCommit":"A","groupInfo":"A"}""", "convoId is required.")]
    [InlineData("""{"convoId":"c","externalCommit":"","groupInfo":"A"}""", "externalCommit has fewer than 1 bytes.")]
    [InlineData("""{"convoId":"c","externalCommit":"A","groupInfo":"A",}""", "The input is not well-formed JSON.")]
    [InlineData("""{/**/"convoId":"c"}""", "The input is not well-formed JSON.")]
    public void A_malformed_input_is_refused_where_it_is_wrong(string json, string message) =>
        Assert.Equal(message, Assert.Throws<LexiconException>(() => Read(json)).Message);

    [Theory]
    [InlineData("\"1\"")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("true")]
    [InlineData("9007199254740992")]
    [InlineData("-1")]
    public void Integers_are_integers(string value) =>
        Assert.Equal(
            "cipherSuite",
            Assert
                .Throws<LexiconException>(() =>
                    Lexicons.ClaimKeyPackages.ReadInput(
                        Encoding.UTF8.GetBytes($$"""{"dids":["did:web:a"],"cipherSuite":{{value}}}""")
                    )
                )
                .Path
        );

    [Theory]
    [InlineData("[]", "dids has fewer than 1 items.")]
    [InlineData("[\"x\"]", "dids[0] must be a DID.")]
    [InlineData("[\"did:web:a\",null]", "dids[1] must be a string.")]
    public void Items_are_named_by_their_place(string dids, string message) =>
        Assert.Equal(
            message,
            Assert
                .Throws<LexiconException>(() =>
                    Lexicons.ClaimKeyPackages.ReadInput(
                        Encoding.UTF8.GetBytes($$"""{"dids":{{dids}},"cipherSuite":1}""")
                    )
                )
                .Message
        );

    [Theory]
    [InlineData("externalCommit", "succeeded", null)]
    [InlineData("legacy", "failed", null)]
    [InlineData("Legacy", "failed", "way must be one of externalCommit, legacy.")]
    [InlineData("legacy", "", "outcome must be one of succeeded, failed.")]
    public void A_string_of_a_closed_list_is_one_of_it(string way, string outcome, string? message)
    {
        string json =
            $$"""{"convoId":"c","deviceId":"d","way":"{{way}}","outcome":"{{outcome}}","attempts":1,"elapsedMs":0}""";
        if (message is null)
            Assert.Equal(way, Lexicons.ReportRejoinOutcome.ReadInput(Encoding.UTF8.GetBytes(json)).Way);
        else
            Assert.Equal(
                message,
                Assert
                    .Throws<LexiconException>(() =>
                        Lexicons.ReportRejoinOutcome.ReadInput(Encoding.UTF8.GetBytes(json))
                    )
                    .Message
            );
    }

    [Fact]
    public void A_long_string_is_measured_in_bytes()
    {
        string key = new('ü', 65);
        var wrong = Assert.Throws<LexiconException>(() =>
            Read($$"""{"convoId":"c","externalCommit":"A","groupInfo":"A","idempotencyKey":"{{key}}"}""")
        );
        Assert.Equal("idempotencyKey has more than 128 bytes.", wrong.Message);
        Assert.Equal(
            new string('ü', 64),
            Read(
                $$"""{"convoId":"c","externalCommit":"A","groupInfo":"A","idempotencyKey":"{{new string('ü', 64)}}"}"""
            ).IdempotencyKey
        );
    }

    private static GetGroupInfoParameters Parameters(params (string, string)[] values) =>
        Lexicons.GetGroupInfo.ReadParameters(values.Select(value => KeyValuePair.Create(value.Item1, value.Item2)));

    [Fact]
    public void Parameters_have_defaults_and_empty_counts_as_absent()
    {
        Assert.True(Parameters(("convoId", "c")).IncludeTree);
        Assert.True(Parameters(("convoId", "c"), ("includeTree", "")).IncludeTree);
        Assert.False(Parameters(("convoId", "c"), ("includeTree", "false"), ("unknown", "x")).IncludeTree);
        Assert.Equal(
            "convoId is required.",
            Assert.Throws<LexiconException>(() => Parameters(("convoId", ""))).Message
        );
        foreach (string value in (string[])["TRUE", "1", "yes"])
            Assert.Equal(
                "includeTree must be true or false.",
                Assert.Throws<LexiconException>(() => Parameters(("convoId", "c"), ("includeTree", value))).Message
            );
        Assert.Equal(
            "convoId must stand once.",
            Assert.Throws<LexiconException>(() => Parameters(("convoId", "a"), ("convoId", "b"))).Message
        );
        Assert.Equal(
            [new("convoId", "c"), new("includeTree", "true"), new("turn", "false")],
            Lexicons.GetGroupInfo.WriteParameters(Parameters(("convoId", "c")))
        );
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("AA==", "00")]
    [InlineData("AA", "00")]
    [InlineData("AAA=", "0000")]
    [InlineData("+/+/", "FBFFBF")]
    public void Base64_is_read_with_or_without_padding(string text, string hex) =>
        Assert.Equal(hex, Convert.ToHexString(Formats.Base64(text, "x")));

    [Theory]
    [InlineData("A")]
    [InlineData("AB==")]
    [InlineData("A===")]
    [InlineData("AA=")]
    [InlineData("AA =")]
    [InlineData(" AAAA")]
    [InlineData("AA\nAA")]
    [InlineData("-_-_")]
    [InlineData("=AAA")]
    [InlineData("AAA=AAAA")]
    public void Anything_else_is_refused(string text) =>
        Assert.Throws<LexiconException>(() => Formats.Base64(text, "x"));
}
