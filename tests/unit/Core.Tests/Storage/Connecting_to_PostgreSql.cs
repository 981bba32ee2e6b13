namespace MlsConsole.Core.Tests;

public class Connecting_to_PostgreSql
{
    [Theory]
    [InlineData("Host=localhost;Database=mls")]
    [InlineData("Host=localhost;Database=mls;Multiplexing=false")]
    [InlineData("Host=localhost;Database=mls;Keepalive=30")]
    [InlineData("Host=localhost;Database=mls;Pooling=false")]
    [InlineData("Host=first,second;Database=mls")]
    public void Questions_share_connections_where_the_connection_string_allows_it(string connectionString) => Database.PostgreSql(connectionString).Dispose();

    [Fact]
    public void Who_asks_for_what_cannot_be_is_told() => Assert.Throws<NotSupportedException>(() => Database.PostgreSql("Host=first,second;Database=mls;Multiplexing=true"));
}
