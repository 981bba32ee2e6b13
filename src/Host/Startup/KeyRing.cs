using Microsoft.AspNetCore.DataProtection;
using Microsoft.Data.Sqlite;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The keys that encrypt secrets in the database. They are files outside of the database, so that the database alone
/// gives no secret away. Hosts over one database need one key ring.
/// </summary>
internal static class KeyRing
{
    public const string Setting = "DataProtection:KeyRing";

    public static void AddKeyRing(this WebApplicationBuilder builder) =>
        builder
            .Services.AddDataProtection()
            .SetApplicationName("MlsConsole")
            .PersistKeysToFileSystem(new DirectoryInfo(FolderOf(builder.Configuration)));

    /// <summary>Makes the folder of the keys, with access for this user alone.</summary>
    /// <exception cref="ConfigurationException">The folder cannot be made.</exception>
    public static void Create(IConfiguration configuration)
    {
        string folder = FolderOf(configuration);
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(
                    folder,
                    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                );
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(Setting, $"names a folder that cannot be used: {exception.Message}");
        }
    }

    /// <summary>The configured folder, else the folder <c>keys</c> beside the embedded database.</summary>
    private static string FolderOf(IConfiguration configuration)
    {
        if (configuration[Setting] is { Length: > 0 } folder)
            return folder;
        string beside =
            configuration["Storage:Provider"] == "PostgreSql"
                ? SourceTree.DataFolder()
                : Path.GetDirectoryName(
                    Path.GetFullPath(
                        new SqliteConnectionStringBuilder(configuration["ConnectionStrings:Default"]).DataSource
                    )
                )!;
        return Path.Combine(beside, "keys");
    }
}
