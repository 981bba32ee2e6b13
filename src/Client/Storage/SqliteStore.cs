using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace MlsConsole.Clients;

/// <summary>
/// Keeps everything in one SQLite file, encrypted with the caller's key: the names of entries by HMAC, and their values
/// by AES-256-GCM, each bound to its name.
/// </summary>
/// <remarks>
/// A value that is replaced or deleted is overwritten in the file, so that used message keys cannot be found there
/// (RFC 9420 §9.2).
/// </remarks>
public sealed class SqliteStore : MlsStore
{
    private const int NonceLength = 12,
        TagLength = 16;
    private readonly SqliteConnection _connection;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly byte[] _nameKey,
        _valueKey,
        _stateKey;

    /// <summary>Opens the file, or creates it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">32 bytes that the application keeps, such as in the device's key store.</param>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.WrongStoreKey"/>: the file was written with another key. The file is left as it is.
    /// </exception>
    public SqliteStore(string path, ReadOnlySpan<byte> key)
    {
        if (key.Length != 32)
            throw new ArgumentException("The key has 32 bytes.", nameof(key));
        (_nameKey, _valueKey, _stateKey) = (Derive(key, "name"), Derive(key, "value"), Derive(key, "state"));
        _connection = new(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            Open();
        }
        catch
        {
            _connection.Dispose();
            Zero();
            throw;
        }
    }

    private void Open()
    {
        _connection.Open();
        // There is no write-ahead log, because that would keep old pages beside the file.
        Execute(
            "PRAGMA journal_mode = TRUNCATE; PRAGMA secure_delete = ON; PRAGMA synchronous = FULL; "
                + "CREATE TABLE IF NOT EXISTS entries (folder BLOB NOT NULL, name BLOB NOT NULL PRIMARY KEY, "
                + "value BLOB NOT NULL) WITHOUT ROWID; "
                + "CREATE TABLE IF NOT EXISTS marker (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL);"
        );
        // With a wrong key no name is found, and the file would look empty. So a value is opened first: the mark, or
        // any entry where the mark is missing.
        using (var first = Command("SELECT value FROM marker UNION ALL SELECT value FROM entries LIMIT 1"))
        {
            try
            {
                if (first.ExecuteScalar() is byte[] value)
                    Open(value);
            }
            catch (InvalidDataException wrong)
            {
                throw new MlsClientException(
                    ClientErrors.WrongStoreKey,
                    "The store was written with another key, or is damaged.",
                    wrong
                );
            }
        }
        using var mark = Command(
            "INSERT INTO marker (id, value) VALUES (1, $value) ON CONFLICT DO NOTHING",
            ("$value", Seal("marker", []))
        );
        mark.ExecuteNonQuery();
    }

    internal override ReadOnlyMemory<byte> StateKey => _stateKey;

    internal override async ValueTask<byte[]?> ReadAsync(string name, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            using var command = Command("SELECT value FROM entries WHERE name = $name", ("$name", Blind(name)));
            if (await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is not byte[] value)
                return null;
            var entry = Open(value);
            return entry.Key == name
                ? entry.Value
                : throw new InvalidDataException("The store has another entry's value in the place of this one.");
        }
        finally
        {
            _gate.Release();
        }
    }

    internal override async ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> ListAsync(
        string folder,
        CancellationToken cancellation
    )
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            using var command = Command("SELECT value FROM entries WHERE folder = $folder", ("$folder", Blind(folder)));
            using var reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            var entries = new List<KeyValuePair<string, byte[]>>();
            while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
                entries.Add(Open(reader.GetFieldValue<byte[]>(0)));
            return entries;
        }
        finally
        {
            _gate.Release();
        }
    }

    internal override async ValueTask WriteAsync(
        CancellationToken cancellation,
        params IReadOnlyList<StoreEntry> entries
    )
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            using var transaction = (SqliteTransaction)
                await _connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            foreach (var (name, value) in entries)
            {
                using var command = value is null
                    ? Command("DELETE FROM entries WHERE name = $name", ("$name", Blind(name)))
                    : Command(
                        "INSERT INTO entries (folder, name, value) VALUES ($folder, $name, $value) "
                            + "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                        ("$folder", Blind(name[..(name.IndexOf('/', StringComparison.Ordinal) + 1)])),
                        ("$name", Blind(name)),
                        ("$value", Seal(name, value))
                    );
                command.Transaction = transaction;
                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    // The layout is: the nonce, the tag, and encrypted a big-endian uint16 (the length of the name), the name and the
    // value.
    private byte[] Seal(string name, byte[] value)
    {
        var nameBytes = Encoding.UTF8.GetBytes(name);
        byte[] plain = [(byte)(nameBytes.Length >> 8), (byte)nameBytes.Length, .. nameBytes, .. value];
        var sealedBytes = new byte[NonceLength + TagLength + plain.Length];
        RandomNumberGenerator.Fill(sealedBytes.AsSpan(0, NonceLength));
        using var aes = new AesGcm(_valueKey, TagLength);
        aes.Encrypt(
            sealedBytes.AsSpan(0, NonceLength),
            plain,
            sealedBytes.AsSpan(NonceLength + TagLength),
            sealedBytes.AsSpan(NonceLength, TagLength)
        );
        CryptographicOperations.ZeroMemory(plain);
        return sealedBytes;
    }

    private KeyValuePair<string, byte[]> Open(byte[] sealedBytes)
    {
        var plain = new byte[Math.Max(0, sealedBytes.Length - NonceLength - TagLength)];
        using var aes = new AesGcm(_valueKey, TagLength);
        try
        {
            aes.Decrypt(
                sealedBytes.AsSpan(0, NonceLength),
                sealedBytes.AsSpan(NonceLength + TagLength),
                sealedBytes.AsSpan(NonceLength, TagLength),
                plain
            );
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException("The store was not written with this key, or is damaged.", exception);
        }
        int length = (plain[0] << 8) | plain[1];
        return new(Encoding.UTF8.GetString(plain, 2, length), plain[(2 + length)..]);
    }

    private byte[] Blind(string name) => HMACSHA256.HashData(_nameKey, Encoding.UTF8.GetBytes(name));

    private static byte[] Derive(ReadOnlySpan<byte> key, string use)
    {
        var derived = new byte[32];
        HKDF.Expand(HashAlgorithmName.SHA256, key, derived, Encoding.ASCII.GetBytes($"MlsConsole.Client store {use}"));
        return derived;
    }

    private SqliteCommand Command(string sql, params ReadOnlySpan<(string Name, byte[] Value)> parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
            command.Parameters.Add(name, SqliteType.Blob).Value = value;
        return command;
    }

    private void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Closes the file and zeroes the keys.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
        Zero();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void Zero()
    {
        foreach (var key in new[] { _nameKey, _valueKey, _stateKey })
            CryptographicOperations.ZeroMemory(key);
    }
}
