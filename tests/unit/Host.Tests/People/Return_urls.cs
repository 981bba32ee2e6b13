using MlsConsole.Dashboard.People;

namespace MlsConsole.Host.Tests;

/// <summary>Where somebody who signs in goes on: never to another site.</summary>
public sealed class Return_urls
{
    [Theory]
    [InlineData(null, "/")]
    [InlineData("", "/")]
    [InlineData("/", "/")]
    [InlineData("/people?x=1", "/people?x=1")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("https://evil.example", "/")]
    [InlineData("javascript:alert(1)", "/")]
    [InlineData("/x\r\nSet-Cookie: a=b", "/")]
    [InlineData("evil.example", "/")]
    public void They_stay_here(string? given, string expected) => Assert.Equal(expected, ReturnUrl.Local(given));
}
