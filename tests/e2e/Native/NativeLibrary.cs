using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MlsConsole.E2e.Native;

/// <summary>
/// src/Client.Native as a shared library, published once for all tests of the class, and programs in C that are linked
/// against the library.
/// </summary>
public sealed class NativeLibrary : IAsyncLifetime
{
    private static readonly string s_sources = Path.Combine(Repository.Root, "tests", "e2e", "Native");
    private static readonly string s_library = OperatingSystem.IsMacOS() ? "libmls_client.dylib" : "libmls_client.so";
    private static readonly string s_platform =
        (OperatingSystem.IsMacOS() ? "osx" : "linux")
        + $"-{RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant()}";
    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-native-").FullName;
    private Task? _published;

    public HostProcess Host { get; private set; } = null!;

    /// <summary>Makes a folder for the files of a program.</summary>
    public string NewFolder() =>
        Directory.CreateDirectory(Path.Combine(_folder, Guid.NewGuid().ToString("N"))).FullName;

    public async Task InitializeAsync() => Host = await HostProcess.Start(HostFixture.NoLimits);

    public async Task DisposeAsync()
    {
        await Host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Skips the test where a tool is missing. With CI=true the test fails then.</summary>
    public static void Require(params string[] tools)
    {
        var missing = tools
            .Where(tool =>
                !(Environment.GetEnvironmentVariable("PATH") ?? "")
                    .Split(Path.PathSeparator)
                    .Any(folder => File.Exists(Path.Combine(folder, tool)))
            )
            .ToList();
        if (missing.Count == 0)
            return;
        Assert.False(
            Environment.GetEnvironmentVariable("CI") == "true",
            $"{string.Join(", ", missing)} is not installed."
        );
        Skip.If(true, $"{string.Join(", ", missing)} is not installed.");
    }

    /// <summary>Publishes the library, where no test has done so yet, and links a program against it.</summary>
    /// <returns>The program.</returns>
    public async Task<string> Link(string source)
    {
        await (_published ??= Publish());
        var program = Path.Combine(_folder, Path.GetFileNameWithoutExtension(source));
        var (code, output) = await Run(
            "gcc",
            [
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Werror",
                "-g",
                "-I",
                Path.Combine(Library, "include"),
                Path.Combine(s_sources, source),
                "-o",
                program,
                "-L",
                Library,
                "-lmls_client",
                $"-Wl,-rpath,{Library}",
                "-pthread",
            ]
        );
        Assert.True(code == 0, output);
        return program;
    }

    private string Library => Path.Combine(_folder, "library");

    private async Task Publish()
    {
        // The library keeps the names of functions, which the suppressions of valgrind need, and has no line numbers,
        // on which valgrind 3.19 aborts.
        var (code, output) = await Run(
            "dotnet",
            [
                "publish",
                Path.Combine(Repository.Root, "src", "Client.Native"),
                "--nologo",
                "-v",
                "quiet",
                "-r",
                s_platform,
                "--artifacts-path",
                Path.Combine(Repository.Root, "artifacts", "native"),
                "-o",
                Library,
                "-p:StripSymbols=false",
                "-p:NativeDebugSymbols=false",
            ]
        );
        Assert.True(code == 0, output);
        Assert.True(File.Exists(Path.Combine(Library, s_library)), output);
    }

    /// <summary>The exit code with which valgrind says that it found something.</summary>
    public const int ValgrindFoundSomething = 99;

    /// <summary>
    /// Runs a program under valgrind, and gives the .NET runtime a small heap: elsewhere the runtime reserves 256 GiB
    /// of addresses, which it cannot have under valgrind.
    /// </summary>
    public static Task<(int Code, string Output)> Valgrind(string program, IEnumerable<string> arguments) =>
        Run(
            "valgrind",
            [
                "--fair-sched=yes",
                "--leak-check=full",
                "--errors-for-leak-kinds=definite,indirect,possible",
                $"--error-exitcode={ValgrindFoundSomething}",
                "--num-callers=60",
                $"--suppressions={Path.Combine(s_sources, "valgrind.supp")}",
                program,
                .. arguments,
            ],
            ("DOTNET_GCHeapHardLimit", "0x10000000")
        );

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Output)> Run(
        string program,
        IEnumerable<string> arguments,
        params (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        // This test would wait for build servers, which a build leaves running with its output open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await errors);
    }
}
