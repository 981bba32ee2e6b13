using System.Text;

namespace MlsConsole.Clients.Tests;

public sealed class SqliteStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mlsconsole-store-");
    private readonly byte[] _key = Enumerable.Repeat((byte)7, 32).ToArray();

    private string File => Path.Combine(_folder.FullName, "mls.db");

    private static StoreEntry Entry(string name, string? value) =>
        new(name, value is null ? null : Encoding.UTF8.GetBytes(value));

    [Fact]
    public async Task What_was_written_is_there_after_opening_it_again_and_lists_by_folder()
    {
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(
                default,
                Entry("group/a", "one"),
                Entry("group/b", "two"),
                Entry("client/1", "three"),
                Entry("group/b", "four"),
                Entry("group/c", "five"),
                Entry("group/c", null)
            );
        await using var opened = new SqliteStore(File, _key);
        Assert.Equal("one"u8.ToArray(), await opened.ReadAsync("group/a", default));
        Assert.Null(await opened.ReadAsync("group/c", default));
        Assert.Equal(
            ["group/a:one", "group/b:four"],
            (await opened.ListAsync("group/", default))
                .Select(entry => $"{entry.Key}:{Encoding.UTF8.GetString(entry.Value)}")
                .Order()
        );
    }

    [Fact]
    public async Task The_file_tells_neither_names_nor_values()
    {
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(default, Entry("group/conversation", "the secret"));
        var bytes = await System.IO.File.ReadAllBytesAsync(File);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("conversation"u8));
        Assert.Equal(-1, bytes.AsSpan().IndexOf("the secret"u8));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Another_key_does_not_open_a_store_whatever_is_in_it_and_changes_nothing(bool isEmpty)
    {
        await using (var store = new SqliteStore(File, _key))
            if (!isEmpty)
                await store.WriteAsync(default, Entry("group/a", "one"));
        var before = await System.IO.File.ReadAllBytesAsync(File);

        Assert.Equal(
            ClientErrors.WrongStoreKey,
            Assert.Throws<MlsClientException>(() => new SqliteStore(File, new byte[32])).Error
        );

        Assert.Equal(before, await System.IO.File.ReadAllBytesAsync(File));
        await using var opened = new SqliteStore(File, _key);
        Assert.Equal(isEmpty ? null : "one"u8.ToArray(), await opened.ReadAsync("group/a", default));
    }

    [Fact]
    public async Task A_store_without_its_mark_is_opened_with_its_own_key_only()
    {
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(default, Entry("group/a", "one"));
        Execute("DELETE FROM marker");
        Assert.Equal(
            ClientErrors.WrongStoreKey,
            Assert.Throws<MlsClientException>(() => new SqliteStore(File, new byte[32])).Error
        );
        await using (var opened = new SqliteStore(File, _key))
            Assert.NotNull(await opened.ReadAsync("group/a", default));
        Execute("UPDATE marker SET value = zeroblob(64)");
        Assert.Equal(
            ClientErrors.WrongStoreKey,
            Assert.Throws<MlsClientException>(() => new SqliteStore(File, _key)).Error
        );
    }

    [Fact]
    public async Task A_value_that_was_moved_to_another_name_or_changed_is_refused()
    {
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(default, Entry("group/a", "one"), Entry("group/b", "two"));
        Execute("UPDATE entries SET value = (SELECT value FROM entries ORDER BY name LIMIT 1)");
        await using (var moved = new SqliteStore(File, _key))
        {
            var failures = 0;
            foreach (var name in new[] { "group/a", "group/b" })
                if (await Record.ExceptionAsync(() => moved.ReadAsync(name, default).AsTask()) is InvalidDataException)
                    failures++;
            Assert.Equal(1, failures);
        }
        Execute("UPDATE entries SET value = zeroblob(length(value))");
        await using var changed = new SqliteStore(File, _key);
        await Assert.ThrowsAsync<InvalidDataException>(() => changed.ReadAsync("group/a", default).AsTask());
    }

    [Fact]
    public async Task What_is_replaced_or_deleted_is_no_longer_in_the_file()
    {
        byte[] sealedBefore;
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(default, Entry("group/a", new string('x', 20_000)), Entry("group/b", "stays"));
        sealedBefore = await System.IO.File.ReadAllBytesAsync(File);
        var piece = Value("length(value) > 20000")[1000..1064];
        Assert.NotEqual(-1, sealedBefore.AsSpan().IndexOf(piece));
        await using (var store = new SqliteStore(File, _key))
            await store.WriteAsync(default, Entry("group/a", null));
        Assert.Equal(-1, (await System.IO.File.ReadAllBytesAsync(File)).AsSpan().IndexOf(piece));
        Assert.Single(_folder.GetFiles(), file => file.Length > 0);
    }

    private void Execute(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private byte[] Value(string where)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={File};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT value FROM entries WHERE {where}";
        return (byte[])command.ExecuteScalar()!;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
