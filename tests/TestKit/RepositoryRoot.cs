namespace MlsConsole.TestKit;

/// <summary>Finds the root folder of the sources above the tests that run.</summary>
public static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "MlsConsole.sln")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException("MlsConsole.sln is in no folder above the tests.");
    }
}
