namespace MlsConsole.E2e.Native;

/// <summary>Programs in C that use only the shared library and its header, with the host as a process.</summary>
[Trait("Category", "Slow")]
public sealed class NativeClientTests(NativeLibrary native) : IClassFixture<NativeLibrary>
{
    [SkippableFact]
    public async Task A_program_in_c_loses_its_store_rejoins_by_external_commit_and_reads_on()
    {
        NativeLibrary.Require("gcc");
        await Passes(await native.Link("rejoin.c"), []);
    }

    [SkippableFact]
    public async Task The_header_keeps_what_it_promises_of_arguments_handles_threads_errors_and_callbacks()
    {
        NativeLibrary.Require("gcc");
        await using var pds = TokenServer.Start();
        await Passes(await native.Link("contract.c"), pds.Arguments);
    }

    [SkippableTheory]
    [InlineData("gcc", "c11")]
    [InlineData("g++", "c++11")]
    [InlineData("g++", "c++20")]
    public async Task The_header_is_c_and_cpp_to_a_strict_compiler(string compiler, string standard)
    {
        NativeLibrary.Require(compiler);
        var header = Path.Combine(Repository.Root, "src", "Client.Native", "include", "mls_client.h");
        var (code, output) = await NativeLibrary.Run(
            compiler,
            [
                "-x",
                standard.StartsWith("c++", StringComparison.Ordinal) ? "c++" : "c",
                $"-std={standard}",
                "-Wall",
                "-Wextra",
                "-pedantic",
                "-Werror",
                "-fsyntax-only",
                "-include",
                header,
                "/dev/null",
            ]
        );
        Assert.True(code == 0, output);
    }

    [SkippableFact]
    public async Task Valgrind_finds_no_leak_and_no_wrong_access_of_ours()
    {
        NativeLibrary.Require("gcc", "valgrind");
        await using var pds = TokenServer.Start();
        await Passes(await native.Link("rejoin.c"), [], underValgrind: true);
        await Passes(await native.Link("contract.c"), pds.Arguments, underValgrind: true);
    }

    [SkippableFact]
    public async Task Valgrind_finds_what_a_program_did_not_free()
    {
        NativeLibrary.Require("gcc", "valgrind");
        var (code, output) = await Run(await native.Link("leak.c"), [], underValgrind: true);
        Assert.Equal(NativeLibrary.ValgrindFoundSomething, code);
        Assert.Contains("leak: passed", output, StringComparison.Ordinal);
        Assert.Contains("definitely lost", output, StringComparison.Ordinal);
        Assert.Contains("mls_client_did", output, StringComparison.Ordinal);
        Assert.Contains("mls_last_error", output, StringComparison.Ordinal);
    }

    private async Task Passes(string program, string[] arguments, bool underValgrind = false)
    {
        var (code, output) = await Run(program, arguments, underValgrind);
        Assert.True(code == 0, output);
        Assert.Contains("passed", output, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output)> Run(string program, string[] arguments, bool underValgrind)
    {
        string[] all = [native.Host.Url.ToString(), native.NewFolder(), .. arguments];
        return underValgrind ? NativeLibrary.Valgrind(program, all) : NativeLibrary.Run(program, all);
    }
}
