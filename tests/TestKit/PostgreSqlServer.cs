using System.Diagnostics;

namespace MlsConsole.TestKit;

/// <summary>
/// A PostgreSQL server for this process alone, on a loopback port. It ends with the process, in whatever way the
/// process ends.
/// </summary>
public sealed class PostgreSqlServer
{
    private readonly string _folder,
        _options;

    private PostgreSqlServer(string folder, int port, bool durable) =>
        (_folder, Port, _options) = (
            folder,
            port,
            $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} "
                + $"-c max_connections=300 -c fsync={(durable ? "on" : "off")}"
        );

    public int Port { get; }

    /// <summary>Why there can be no server here; null if there can.</summary>
    public static string? Missing { get; } =
        BinariesFolder() is null
            ? "PostgreSQL is not installed: no initdb in /usr/lib/postgresql/*/bin or PATH."
            : null;

    private string Data => Path.Combine(_folder, "data");

    private string Log => Path.Combine(_folder, "log");

    /// <summary>Starts a server with an empty cluster.</summary>
    /// <param name="durable">
    /// Whether commits are synchronised to the disk, which matters only if the server is killed.
    /// </param>
    public static async Task<PostgreSqlServer> StartAsync(bool durable = false)
    {
        if (Missing is not null)
            throw new InvalidOperationException(Missing);
        string folder = Directory.CreateTempSubdirectory("mlspg").FullName;
        if (Environment.UserName == "root")
            await RunAsync("chown", "postgres", folder);
        var server = new PostgreSqlServer(folder, FreePorts.Next(), durable);
        server.StopWithThisProcess();
        await RunAsync(
            AsServer("initdb", "-D", server.Data, "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        );
        await RunAsync(server.StartCommand);
        return server;
    }

    public string ConnectionString(string database) =>
        $"Host=127.0.0.1;Port={Port};Username=test;Database={database};Maximum Pool Size=20;Include Error Detail=true";

    /// <summary>Makes a database, an empty one or a copy of another that nobody uses.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync(string name, string template = "template0")
    {
        await RunAsync(
            Path.Combine(BinariesFolder()!, "createdb"),
            "-h",
            "127.0.0.1",
            "-p",
            $"{Port}",
            "-U",
            "test",
            "-T",
            template,
            name
        );
        return ConnectionString(name);
    }

    /// <summary>
    /// Kills the server with all its processes, as by kill -9: no handler runs, and what was not written to the disk is
    /// lost.
    /// </summary>
    public async Task KillAsync()
    {
        // The server is stopped first, so that it cannot start a process after the list of its processes was made. A
        // process that survives, waiting for a lock of a killed one, would keep the server from starting again.
        string postmaster = File.ReadLines(Path.Combine(Data, "postmaster.pid")).First();
        const string Script =
            "kill -STOP $0; "
            + "state=; while [ \"${state#T}\" = \"$state\" ]; do state=$(ps -o state= -p $0); done; "
            + "children=$(pgrep -P $0); kill -9 $children $0";
        await RunAsync("/bin/sh", "-ec", Script, postmaster);
    }

    /// <summary>Starts it again after a <see cref="KillAsync"/>; it answers when it has recovered.</summary>
    public async Task RestartAsync()
    {
        // Until init has taken the killed processes away, the server believes that another one is running.
        for (int tries = 1; ; tries++)
        {
            try
            {
                await RunAsync(StartCommand);
                return;
            }
            catch (InvalidOperationException) when (tries < 20)
            {
                await Task.Delay(200);
            }
            catch (InvalidOperationException failure)
            {
                throw new InvalidOperationException(
                    $"{failure.Message} Its log ends: {string.Join(" | ", File.ReadLines(Log).TakeLast(5))}",
                    failure
                );
            }
        }
    }

    private string[] StartCommand => AsServer("pg_ctl", "-D", Data, "-w", "-l", Log, "-o", _options, "start");

    /// <summary>A shell waits for the end of this process, also by a kill, then takes everything away.</summary>
    private void StopWithThisProcess()
    {
        string[] stop = AsServer("pg_ctl", "-D", Data, "-m", "immediate", "stop");
        string script =
            $"while kill -0 {Environment.ProcessId} 2>/dev/null; do sleep 1; done; "
            + $"trap '' HUP; \"$@\"; rm -rf '{_folder}'";
        using var watcher = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", $"({script}) >/dev/null 2>&1 </dev/null &", "sh", .. stop])
            {
                WorkingDirectory = "/",
            }
        )!;
        watcher.WaitForExit();
    }

    /// <summary>PostgreSQL refuses to run as root: then it runs as the user that its package made.</summary>
    private static string[] AsServer(string program, params string[] arguments)
    {
        string path = Path.Combine(BinariesFolder()!, program);
        return Environment.UserName == "root"
            ? ["runuser", "-u", "postgres", "--", path, .. arguments]
            : [path, .. arguments];
    }

    private static string? BinariesFolder()
    {
        string[] packaged = Directory.Exists("/usr/lib/postgresql")
            ?
            [
                .. Directory
                    .GetDirectories("/usr/lib/postgresql")
                    .OrderDescending()
                    .Select(version => Path.Combine(version, "bin")),
            ]
            : [];
        return packaged
            .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")));
    }

    // A server keeps the pipes of whoever starts it open, so its output goes to a file.
    private static async Task RunAsync(params string[] command)
    {
        using var process = Process.Start(
            new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >/dev/null 2>&1 </dev/null", "sh", .. command])
            {
                WorkingDirectory = "/",
            }
        )!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', command)} ended with {process.ExitCode}.");
    }
}
