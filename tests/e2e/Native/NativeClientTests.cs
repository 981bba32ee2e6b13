namespace MlsConsole.E2e.Native;

/// <summary>Programs in C against the shared library and its header alone, and a host as a process.</summary>
public sealed class NativeClientTests(NativeLibrary native) : IClassFixture<NativeLibrary>
{
    [SkippableFact]
    [Trait("Category", "Slow")]
    public async Task A_program_in_c_loses_its_store_rejoins_by_external_commit_and_reads_on()
    {
        NativeLibrary.Require("gcc");
        await Passes(await native.Link("rejoin.c", options: "-std=c11"));
    }

    private async Task Passes(string program)
    {
        var (code, output) = await NativeLibrary.Run(program, [native.Host.Url.ToString(), native.NewFolder()]);
        Assert.True(code == 0, output);
        Assert.Contains("passed", output, StringComparison.Ordinal);
    }
}
