using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MlsConsole.Clients;

namespace MlsConsole.Fleet;

/// <summary>
/// A folder that keeps what the next run needs to go on with the same accounts: a secret, from which the keys of the
/// accounts and stores are derived, and the stores of the devices.
/// </summary>
internal sealed class Keepsakes : IDisposable
{
    private readonly string _folder;
    private readonly FileStream _held;
    private readonly byte[] _secret = new byte[32];

    /// <exception cref="InvalidOperationException">Another fleet uses the folder.</exception>
    public Keepsakes(string folder)
    {
        _folder = Directory.CreateDirectory(folder).FullName;
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            _held = new(Path.Combine(_folder, "secret"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException inUse)
        {
            throw new InvalidOperationException($"{_folder} cannot be had: {inUse.Message}", inUse);
        }
        if (_held.Length != _secret.Length)
        {
            _held.SetLength(0);
            _held.Write(RandomNumberGenerator.GetBytes(_secret.Length));
            _held.Flush(flushToDisk: true);
        }
        _held.Position = 0;
        _held.ReadExactly(_secret);
    }

    public AccountKey KeyOf(int account) => AccountKey.P256(Derive($"account {account}"));

    public MlsStore Open(int device) => new SqliteStore(FileOf(device, "db"), Derive($"store {device}"));

    /// <summary>Deletes the store of a device that loses everything.</summary>
    public void Delete(int device) => File.Delete(FileOf(device, "db"));

    /// <summary>Records a rejoin, because the limit of the service also counts the rejoins of earlier runs.</summary>
    public void Rejoined(int device, string convoId, DateTimeOffset at) =>
        File.AppendAllText(
            FileOf(device, "rejoins"),
            $"{at.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture)} {convoId}\n"
        );

    /// <summary>The recorded rejoins of a device, in their order.</summary>
    public IEnumerable<(string ConvoId, DateTimeOffset At)> RejoinsOf(int device) =>
        !File.Exists(FileOf(device, "rejoins"))
            ? []
            : File.ReadLines(FileOf(device, "rejoins"))
                .Select(static line => line.Split(' '))
                .Where(static parts => parts.Length == 2)
                .Select(static parts =>
                    (
                        parts[1],
                        DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(parts[0], CultureInfo.InvariantCulture))
                    )
                );

    private string FileOf(int device, string what) =>
        Path.Combine(_folder, $"device-{device.ToString(CultureInfo.InvariantCulture)}.{what}");

    private byte[] Derive(string use)
    {
        var derived = new byte[32];
        HKDF.Expand(HashAlgorithmName.SHA256, _secret, derived, Encoding.ASCII.GetBytes(use));
        return derived;
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secret);
        _held.Dispose();
    }
}
