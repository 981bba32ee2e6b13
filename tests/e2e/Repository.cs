namespace MlsConsole.E2e;

/// <summary>Where things are, seen from the test assembly in <c>tests/e2e/bin/CONFIGURATION/net10.0</c>.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The host as the same build made it.</summary>
    public static string HostAssembly =>
        Path.Combine(Root, "src", "Host", "bin", Configuration, "net10.0", "MlsConsole.Host.dll");

    /// <summary>The fleet as the same build made it.</summary>
    public static string FleetAssembly =>
        Path.Combine(Root, "benchmarks", "Fleet", "bin", Configuration, "net10.0", "MlsConsole.Fleet.dll");

    public static string HostFolder => Path.Combine(Root, "src", "Host");

    public static string TsClientFolder => Path.Combine(Root, "tests", "e2e", "ts");

    public static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "MlsConsole.sln")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException("MlsConsole.sln is in no folder above the tests.");
    }
}
