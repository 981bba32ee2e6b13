using System.Diagnostics;
using Npgsql;

namespace MlsConsole.Core.Tests;

/// <summary>A PostgreSQL of this test run alone, on a loopback port, with a database for each test. It ends with the run, however that ends.</summary>
public sealed class PostgreSqlCluster
{
    private static readonly Lazy<Task<PostgreSqlCluster>> s_shared = new(StartAsync);

    private readonly SemaphoreSlim _template = new(1);
    private readonly int _port;
    private bool _hasTemplate;

    private PostgreSqlCluster(int port) => _port = port;

    public static Task<PostgreSqlCluster> SharedAsync() => s_shared.Value;

    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={_port};Username=test;Database={database};Maximum Pool Size=20;Include Error Detail=true";

    /// <summary>A database of the current schema: a copy of one that was migrated once.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        await _template.WaitAsync();
        try
        {
            if (!_hasTemplate)
            {
                await RunSqlAsync("CREATE DATABASE template_mls");
                using (var database = Database.PostgreSql(ConnectionString("template_mls") + ";Pooling=false")) await StorageStartup.MigrateAsync(database, CancellationToken.None);
                _hasTemplate = true;
            }
            string name = "t" + Guid.NewGuid().ToString("N");
            await RunSqlAsync($"CREATE DATABASE {name} TEMPLATE template_mls");
            return ConnectionString(name);
        }
        finally
        {
            _template.Release();
        }
    }

    private async Task RunSqlAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<PostgreSqlCluster> StartAsync()
    {
        string folder = Directory.CreateTempSubdirectory("mlspg").FullName;
        if (Environment.UserName == "root") await RunAsync("chown", "postgres", folder);
        string data = Path.Combine(folder, "data");
        await RunAsServerAsync("initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync");
        int port = FreePort();
        var cluster = new PostgreSqlCluster(port);
        StopWithThisProcess(folder);
        await RunAsServerAsync("pg_ctl", "-D", data, "-w", "-l", Path.Combine(folder, "log"), "-o", $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=300 -c fsync=off", "start");
        return cluster;
    }

    /// <summary>A shell waits for the end of this process, also by a kill, then takes everything away.</summary>
    private static void StopWithThisProcess(string folder)
    {
        string[] stop = AsServer("pg_ctl", "-D", Path.Combine(folder, "data"), "-m", "immediate", "stop");
        string script = $"while kill -0 {Environment.ProcessId} 2>/dev/null; do sleep 1; done; trap '' HUP; \"$@\"; rm -rf '{folder}'";
        using var watcher = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"({script}) >/dev/null 2>&1 </dev/null &", "sh", .. stop]) { WorkingDirectory = "/" })!;
        watcher.WaitForExit();
    }

    /// <summary>PostgreSQL refuses to run as root: then it runs as the user that its package made.</summary>
    private static string[] AsServer(string program, params string[] arguments)
    {
        string path = Path.Combine(BinariesFolder(), program);
        return Environment.UserName == "root" ? ["runuser", "-u", "postgres", "--", path, .. arguments] : [path, .. arguments];
    }

    private static Task RunAsServerAsync(string program, params string[] arguments) => RunAsync(AsServer(program, arguments));

    private static string BinariesFolder()
    {
        string[] packaged = Directory.Exists("/usr/lib/postgresql") ? [.. Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(version => Path.Combine(version, "bin"))] : [];
        return packaged.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)).FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")))
            ?? throw new InvalidOperationException("PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or PATH.");
    }

    // A server keeps the pipes of whoever starts it open, so its output goes to a file.
    private static async Task RunAsync(params string[] command)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1 </dev/null", "sh", .. command]) { WorkingDirectory = "/" })!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}.");
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
