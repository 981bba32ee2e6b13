using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Tests;

public sealed class Xrpc_paths
{
    [Theory]
    [InlineData("/xrpc/blue.catbird.mls.getGroupInfo", "blue.catbird.mls.getGroupInfo")]
    [InlineData("/xrpc/blue.catbird.mls.getGroupInfo?a=/b//", "blue.catbird.mls.getGroupInfo")]
    [InlineData("/xrpc/blue.catbird.mls.getGroupInfo/", "blue.catbird.mls.getGroupInfo")]
    [InlineData("/xrpc/blue.catbird.mls.getGroupInfo/?a=b", "blue.catbird.mls.getGroupInfo")]
    [InlineData("/xrpc/com.my-site.a1.get", "com.my-site.a1.get")]
    public void A_path_names_its_method(string target, string nsid) => Assert.Equal(nsid, XrpcPath.NsidOf(target));

    [Theory]
    [InlineData("/xrpc")]
    [InlineData("/xrpc/")]
    [InlineData("/xrpc//")]
    [InlineData("/xrpc/a")]
    [InlineData("/xrpc/.a.b")]
    [InlineData("/xrpc/a.b.")]
    [InlineData("/xrpc/a..b")]
    [InlineData("/xrpc/a-.b")]
    [InlineData("/xrpc/a.b.c/d")]
    [InlineData("/xrpc/a.b.c//")]
    [InlineData("/xrpc//a.b.c")]
    [InlineData("/xrpc/a%2Eb.c")]
    [InlineData("/xrpc/a.b.c%00")]
    [InlineData("/xrpc/a.b.c;d")]
    [InlineData("/xrpc/a.b.ç")]
    [InlineData("/XRPC/a.b.c")]
    [InlineData("/other/a.b.c")]
    [InlineData("")]
    public void Anything_else_names_none(string target) => Assert.Null(XrpcPath.NsidOf(target));

    [Fact]
    public void An_nsid_has_at_most_317_characters()
    {
        Assert.NotNull(XrpcPath.NsidOf("/xrpc/" + new string('a', 317)));
        Assert.Null(XrpcPath.NsidOf("/xrpc/" + new string('a', 318)));
    }
}
