using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Tests;

public sealed class Wire_values
{
    [Theory]
    [InlineData("", "")]
    [InlineData("AA==", "00")]
    [InlineData("AA", "00")]
    [InlineData("AAE=", "0001")]
    [InlineData("AAE", "0001")]
    [InlineData("+/+/", "FBFFBF")]
    public void Base64_is_read_padded_or_not(string text, string hex) =>
        Assert.Equal(hex, Convert.ToHexString(WireValues.Bytes("commit", text)));

    [Theory]
    [InlineData("A")]
    [InlineData("AAAAA")]
    [InlineData("A===")]
    [InlineData("AA=")]
    [InlineData("AAE==")]
    [InlineData("AAAA=")]
    [InlineData("====")]
    [InlineData("AA==AA==")]
    [InlineData("A A=")]
    [InlineData("AAAA\n")]
    [InlineData("-_-_")]
    [InlineData("AAé=")]
    public void Anything_else_is_an_invalid_request_that_names_the_field(string text)
    {
        XrpcFailure failure = XrpcFailure.From(Assert.ThrowsAny<Exception>(() => WireValues.Bytes("commit", text)));
        Assert.Equal(
            (400, "InvalidRequest", "commit must be base64 (RFC 4648 §4)."),
            (failure.Status, failure.Error, failure.Message)
        );
    }

    [Fact]
    public void An_absent_field_is_absent_and_an_empty_one_is_empty()
    {
        Assert.Null(WireValues.OptionalBytes("ratchetTree", null));
        Assert.Equal(0, WireValues.OptionalBytes("ratchetTree", "")!.Value.Length);
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("17", 17)]
    [InlineData("4294967296", 4294967296)]
    [InlineData("9007199254740991", 9007199254740991)]
    public void An_epoch_in_a_query_has_all_its_bits(string text, long value) =>
        Assert.Equal(value, WireValues.Number("fromEpoch", text));

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("01")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("0x10")]
    [InlineData("9007199254740992")]
    [InlineData("99999999999999999999999")]
    [InlineData("٣")]
    public void Anything_else_is_no_epoch(string text) =>
        Assert.Throws<XrpcException>(() => WireValues.Number("fromEpoch", text));
}
