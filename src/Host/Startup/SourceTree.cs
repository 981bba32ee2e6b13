namespace MlsConsole.Host.Startup;

/// <summary>
/// Finds the folders of static files and data: beside the solution when the program is run from its sources, beside the
/// program when it is published.
/// </summary>
internal static class SourceTree
{
    private static readonly string s_programFolder = AppContext.BaseDirectory;

    /// <summary>
    /// The folder that publishing copied if there is one, else the folder at the root of the sources.
    /// </summary>
    public static string? WebRoot
    {
        get
        {
            string published = Path.Combine(s_programFolder, "wwwroot");
            if (Directory.Exists(published))
                return published;
            string source = Path.Combine(Root(), "wwwroot");
            return Directory.Exists(source) ? source : null;
        }
    }

    /// <summary>The folder of the embedded database. It is created if it does not exist.</summary>
    public static string DataFolder() => Directory.CreateDirectory(Path.Combine(Root(), "data")).FullName;

    private static string Root()
    {
        for (DirectoryInfo? candidate = new(s_programFolder); candidate is not null; candidate = candidate.Parent)
            if (File.Exists(Path.Combine(candidate.FullName, "MlsConsole.sln")))
                return candidate.FullName;
        return s_programFolder;
    }
}
