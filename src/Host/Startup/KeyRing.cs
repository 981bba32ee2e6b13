using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Data.Sqlite;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The keys that encrypt secrets in the database. They are files outside of the database, so that the database alone
/// gives no secret away. Hosts over one database need one key ring.
/// </summary>
internal static partial class KeyRing
{
    public const string Setting = "DataProtection:KeyRing";

    private const string CertificateSection = "DataProtection:Certificate",
        PreviousSection = $"{CertificateSection}:Previous";

    /// <summary>Adds the keys. A certificate encrypts new keys, so that the files alone are no use.</summary>
    /// <exception cref="ConfigurationException">A certificate cannot be used.</exception>
    public static void AddKeyRing(this WebApplicationBuilder builder)
    {
        IDataProtectionBuilder keys = builder
            .Services.AddDataProtection()
            .SetApplicationName("MlsConsole")
            .PersistKeysToFileSystem(new DirectoryInfo(FolderOf(builder.Configuration)));
        // Keys that earlier certificates have encrypted are only read.
        X509Certificate2[] previous =
        [
            .. builder
                .Configuration.GetSection(PreviousSection)
                .GetChildren()
                .Select(section => Certificate(builder.Configuration, section.Path)),
        ];
        if (IsEncrypted(builder.Configuration))
            keys.ProtectKeysWithCertificate(Certificate(builder.Configuration, CertificateSection));
        if (previous.Length > 0)
            keys.UnprotectKeysWithAnyCertificate(previous);
    }

    /// <summary>Whether new keys are encrypted by a certificate.</summary>
    public static bool IsEncrypted(IConfiguration configuration) =>
        CertificateFile.IsSet(configuration, CertificateSection);

    /// <summary>Logs one warning if whoever reads the files of a host that others can reach has its keys.</summary>
    public static void WarnIfReadable(this WebApplication app)
    {
        if (app.Services.GetRequiredService<Listening>().IsReachable && !IsEncrypted(app.Configuration))
            LogReadable(app.Logger, FolderOf(app.Configuration), CertificateFile.PathOf(CertificateSection));
    }

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

    private static X509Certificate2 Certificate(IConfiguration configuration, string section)
    {
        X509Certificate2 certificate =
            CertificateFile.Read(configuration, section)?.Load().Certificate
            ?? throw new ConfigurationException(CertificateFile.PathOf(section), "must be set.");
        // XML encryption, by which the keys are encrypted, knows RSA alone.
        return certificate.GetRSAPrivateKey() is not null
            ? certificate
            : throw new ConfigurationException(
                CertificateFile.PathOf(section),
                "must name a certificate with an RSA key: keys cannot be encrypted by another one."
            );
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The keys in {Folder} are not encrypted: {Setting} can name a certificate for that"
    )]
    private static partial void LogReadable(ILogger logger, string folder, string setting);
}
