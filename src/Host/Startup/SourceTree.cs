namespace MlsConsole.Host.Startup;

/// <summary>Where static files and data are: beside the solution when run from its sources, beside the program when published.</summary>
internal static class SourceTree
{
    private static readonly string ProgramFolder = AppContext.BaseDirectory;

    /// <summary>The copy that publishing made if there is one, else the folder at the root of the sources.</summary>
    public static string? WebRoot
    {
        get
        {
            string published = Path.Combine(ProgramFolder, "wwwroot");
            if (Directory.Exists(published))
                return published;
            string source = Path.Combine(Root(), "wwwroot");
            return Directory.Exists(source) ? source : null;
        }
    }

    /// <summary>The folder of the embedded database, created if need be.</summary>
    public static string DataFolder() => Directory.CreateDirectory(Path.Combine(Root(), "data")).FullName;

    private static string Root()
    {
        for (DirectoryInfo? candidate = new(ProgramFolder); candidate is not null; candidate = candidate.Parent)
            if (File.Exists(Path.Combine(candidate.FullName, "MlsConsole.sln")))
                return candidate.FullName;
        return ProgramFolder;
    }
}
