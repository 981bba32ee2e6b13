using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// The device's signature keys, one for each cipher suite, and the device's key packages. The keys are kept in the
/// store and enrolled at the service.
/// </summary>
internal sealed class DeviceKeys(MlsClientOptions options, ServiceConnection service) : IDisposable
{
    private const int LargestPublication = 100;

    // A Welcome for a key package may still be on its way for a while after the key package has expired.
    private static readonly TimeSpan s_keptAfterExpiry = TimeSpan.FromDays(30);

    private readonly Dictionary<ushort, Client> _clients = [];
    private readonly SemaphoreSlim _gate = new(1),
        _keeping = new(1);

    /// <summary>The device's credential: <c>did#deviceId</c>.</summary>
    public Credential Credential { get; } = Credential.Basic(MemberIdentity.Of(options.Did, options.DeviceId));

    /// <summary>
    /// The device's keys for groups of a cipher suite. A device without a key for the suite makes one and enrols it,
    /// which after a reinstall adds a key to the same device.
    /// </summary>
    public async Task<Client> ForAsync(ushort cipherSuite, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_clients.TryGetValue(cipherSuite, out var known))
                return known;
            var saved = await StoredClient.ReadAsync(options.Store, cipherSuite, cancellation).ConfigureAwait(false);
            return _clients[cipherSuite] =
                saved?.Open(options.Store, options.VerifyCredential)
                ?? await EnrolAsync(cipherSuite, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<Client> EnrolAsync(ushort cipherSuite, CancellationToken cancellation)
    {
        var client = new Client(cipherSuite, Credential) { VerifyCredential = options.VerifyCredential };
        await service
            .CallAsync(
                Lexicons.RegisterDevice,
                new()
                {
                    DeviceId = options.DeviceId,
                    DeviceName = options.DeviceName ?? options.DeviceId,
                    SignaturePublicKey = Convert.ToBase64String(client.SignatureKey.PublicKey),
                },
                cancellation
            )
            .ConfigureAwait(false);
        // A key is kept once it is enrolled. If the answer gets lost, the next call enrols another key.
        await options
            .Store.WriteAsync(cancellation, StoredClient.Of(cipherSuite, client, options.Store).ToEntry())
            .ConfigureAwait(false);
        IsDue = true;
        return client;
    }

    /// <summary>
    /// Whether the supply of key packages may be short: a signature key was enrolled, or a Welcome was opened, since
    /// the supply was last filled up.
    /// </summary>
    public bool IsDue { get; private set; }

    /// <summary>
    /// Publishes key packages when fewer than half are left, and a key package of last resort where there is none. Key
    /// packages of an earlier store that is lost are replaced, because nobody could open a Welcome for them.
    /// </summary>
    /// <returns>How many key packages were published.</returns>
    public async Task<int> KeepKeyPackagesAsync(CancellationToken cancellation)
    {
        var client = await ForAsync(options.CipherSuite, cancellation).ConfigureAwait(false);
        await _keeping.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            bool isFirst = !await StoredPublication
                .ExistsAsync(options.Store, options.CipherSuite, cancellation)
                .ConfigureAwait(false);
            var stats = await service
                .CallAsync(
                    Lexicons.GetKeyPackageStats,
                    new GetKeyPackageStatsParameters { DeviceId = options.DeviceId },
                    cancellation
                )
                .ConfigureAwait(false);
            await DeleteExpiredAsync(cancellation).ConfigureAwait(false);
            int available = isFirst ? 0 : (int)stats.Available;
            int missing = available < (options.KeyPackages + 1) / 2 ? options.KeyPackages - available : 0;
            bool[] kinds =
            [
                .. Enumerable.Repeat(true, isFirst || !stats.LastResort ? 1 : 0),
                .. Enumerable.Repeat(false, missing),
            ];
            var packages = await NewAsync(client, kinds, cancellation).ConfigureAwait(false);
            bool replacesOthers = isFirst && (stats.Available > 0 || stats.LastResort);
            await PublishAsync(packages, replacesOthers, cancellation).ConfigureAwait(false);
            // If the process ends before this is written, all key packages are replaced once more, which does no harm.
            if (isFirst)
                await options
                    .Store.WriteAsync(cancellation, new StoredPublication(options.CipherSuite).ToEntry())
                    .ConfigureAwait(false);
            IsDue = false;
            return packages.Count;
        }
        finally
        {
            _keeping.Release();
        }
    }

    /// <summary>Publishes key packages, in as many calls as their number needs.</summary>
    /// <param name="packages">The key packages.</param>
    /// <param name="replacesOthers">Whether the key packages that the service has of this device are deleted.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    private async Task PublishAsync(List<NewKeyPackage> packages, bool replacesOthers, CancellationToken cancellation)
    {
        foreach (var portion in packages.Chunk(LargestPublication))
        {
            await service
                .CallAsync(
                    Lexicons.PublishKeyPackages,
                    new()
                    {
                        DeviceId = options.DeviceId,
                        KeyPackages = portion,
                        Replace = replacesOthers ? true : null,
                    },
                    cancellation
                )
                .ConfigureAwait(false);
            replacesOthers = false;
        }
    }

    /// <summary>Makes a key package for a conversation's cipher suite. Its private keys are in the store.</summary>
    /// <returns>The key package in base64.</returns>
    public async Task<string> NewAsync(ushort cipherSuite, CancellationToken cancellation)
    {
        var client = await ForAsync(cipherSuite, cancellation).ConfigureAwait(false);
        return (await NewAsync(client, [false], cancellation).ConfigureAwait(false))[0].KeyPackage;
    }

    /// <summary>
    /// Makes key packages. Their private keys are in the store before anybody can use the key packages.
    /// </summary>
    /// <param name="client">The device's keys.</param>
    /// <param name="lastResort">For each key package, whether it is one of last resort.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    private async Task<List<NewKeyPackage>> NewAsync(
        Client client,
        IReadOnlyList<bool> lastResort,
        CancellationToken cancellation
    )
    {
        var packages = new List<NewKeyPackage>();
        var secrets = new List<StoreEntry>();
        foreach (bool isLastResort in lastResort)
        {
            using var package = client.CreateKeyPackage(lastResort: isLastResort);
            secrets.Add(StoredKeyPackage.Of(package, options.Store).ToEntry());
            packages.Add(
                new() { KeyPackage = Convert.ToBase64String(package.Encode()), LastResort = isLastResort ? true : null }
            );
        }
        if (secrets.Count > 0)
            await options.Store.WriteAsync(cancellation, secrets).ConfigureAwait(false);
        return packages;
    }

    /// <summary>
    /// The key package that a Welcome is for; null where the store has none of those that the Welcome names.
    /// </summary>
    public async Task<OwnKeyPackage?> FindAsync(Welcome welcome, CancellationToken cancellation)
    {
        foreach (var entry in welcome.Secrets)
        {
            var saved = await StoredKeyPackage
                .ReadAsync(options.Store, entry.NewMember, cancellation)
                .ConfigureAwait(false);
            if (saved is not null)
                return saved.Open(options.Store);
        }
        return null;
    }

    /// <summary>Notes that a Welcome has used a key package up.</summary>
    /// <returns>
    /// The entry that deletes the key package, to be written with the group that was joined. A key package of last
    /// resort stays in use.
    /// </returns>
    public IReadOnlyList<StoreEntry> Used(OwnKeyPackage package)
    {
        IsDue = true;
        return package.KeyPackage.IsLastResort ? [] : [StoredKeyPackage.Deletion(package)];
    }

    private async Task DeleteExpiredAsync(CancellationToken cancellation)
    {
        var deadline = options.Clock.GetUtcNow() - s_keptAfterExpiry;
        foreach (var saved in await StoredKeyPackage.ListAsync(options.Store, cancellation).ConfigureAwait(false))
        {
            using var package = saved.Open(options.Store);
            if (package.KeyPackage.NotAfter < deadline)
                await options.Store.WriteAsync(cancellation, saved.ToDeletion()).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
        _gate.Dispose();
        _keeping.Dispose();
    }
}
