namespace MlsConsole.Host;

/// <summary>Where static files and data are: beside the solution under <c>dotnet run</c>, beside the program when published.</summary>
internal static class SourceTree
{
    /// <summary>The folder of the solution that contains <paramref name="folder"/>, or the folder itself.</summary>
    public static string RootOf(string folder)
    {
        for (DirectoryInfo? candidate = new(folder); candidate is not null; candidate = candidate.Parent)
            if (File.Exists(Path.Combine(candidate.FullName, "MlsConsole.sln"))) return candidate.FullName;
        return folder;
    }
}
