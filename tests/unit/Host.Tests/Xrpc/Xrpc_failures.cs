using System.Text;
using Microsoft.AspNetCore.Http;
using MlsConsole.Core;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Tests;

public sealed class Xrpc_failures
{
    [Theory]
    [InlineData("InvalidRequest", 400)]
    [InlineData("InvalidCommit", 400)]
    [InlineData("GhostLeaf", 400)]
    [InlineData("WrongUser", 400)]
    [InlineData("ExternalCommitsDisabled", 400)]
    [InlineData("Unauthorized", 403)]
    [InlineData("EpochMismatch", 409)]
    [InlineData("IdempotencyConflict", 409)]
    [InlineData("LeavePending", 409)]
    [InlineData("RateLimitExceeded", 429)]
    public void A_refusal_has_its_status(string error, int status)
    {
        XrpcFailure failure = XrpcFailure.From(new RefusedException(new Refusal(error, "No.")));
        Assert.Equal((status, error, "No."), (failure.Status, failure.Error, failure.Message));
        Assert.False(failure.IsFault);
    }

    [Fact]
    public void An_epoch_mismatch_says_where_the_group_is_in_body_and_header()
    {
        XrpcFailure failure = XrpcFailure.From(
            new RefusedException(
                new Refusal("EpochMismatch", "The group has moved on.") { CurrentEpoch = 17, Mismatch = "stale" }
            )
        );
        HeaderDictionary headers = [];
        failure.WriteHeaders(headers);
        Assert.Equal("17", headers["MLS-Current-Epoch"]);
        Assert.Equal(
            """{"error":"EpochMismatch","message":"The group has moved on.","currentEpoch":17,"reason":"stale"}""",
            Encoding.UTF8.GetString(failure.WriteBody().Span)
        );
    }

    [Fact]
    public void A_broken_rule_is_named()
    {
        XrpcFailure failure = XrpcFailure.From(
            new RefusedException(new Refusal("InvalidCommit", "No.") { Rule = "path.length" })
        );
        Assert.Equal(
            """{"error":"InvalidCommit","message":"No.","rule":"path.length"}""",
            Encoding.UTF8.GetString(failure.WriteBody().Span)
        );
        Assert.Equal("path.length", failure.Reason);
    }

    [Fact]
    public void The_reason_of_a_refusal_is_counted_and_not_sent()
    {
        XrpcFailure failure = XrpcFailure.From(
            new RefusedException(new Refusal("Unauthorized", "No.") { Reason = "banned" })
        );
        Assert.Equal("banned", failure.Reason);
        Assert.Equal("""{"error":"Unauthorized","message":"No."}""", Encoding.UTF8.GetString(failure.WriteBody().Span));
    }

    [Fact]
    public void A_fault_says_nothing_of_its_cause()
    {
        XrpcFailure failure = XrpcFailure.From(
            new InvalidOperationException("secret-marker", new IOException("/secret/path"))
        );
        Assert.True(failure.IsFault);
        Assert.Equal(
            """{"error":"InternalServerError","message":"Something went wrong on our side."}""",
            Encoding.UTF8.GetString(failure.WriteBody().Span)
        );
        Assert.Null(failure.Reason);
    }

    [Fact]
    public void What_kestrel_refuses_to_read_is_the_callers_fault()
    {
        Assert.Equal((413, "PayloadTooLarge"), Seen(new BadHttpRequestException("Request body too large.", 413)));
        Assert.Equal((400, "InvalidRequest"), Seen(new BadHttpRequestException("Unexpected end of request content.")));
    }

    private static (int, string) Seen(Exception exception) =>
        XrpcFailure.From(exception) is { } failure ? (failure.Status, failure.Error) : default;
}
