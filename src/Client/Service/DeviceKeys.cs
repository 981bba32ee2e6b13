using System.Text;
using MlsConsole.Lexicon;
using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>The device's signature keys, one for each cipher suite, and its key packages. Kept in the store, enrolled at the service.</summary>
internal sealed class DeviceKeys(MlsClientOptions options, ServiceConnection service) : IDisposable
{
    private readonly Dictionary<ushort, Client> _clients = [];
    private readonly SemaphoreSlim _gate = new(1),
        _keeping = new(1);

    /// <summary>The device's credential: <c>did#deviceId</c>.</summary>
    public Credential Credential { get; } =
        Credential.Basic(Encoding.UTF8.GetBytes($"{options.Did}#{options.DeviceId}"));

    /// <summary>The device in groups of a suite. A device without a key for it makes one and enrols it, which after a reinstall adds a key to the same device.</summary>
    public async Task<Client> ForAsync(ushort cipherSuite, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_clients.TryGetValue(cipherSuite, out var known))
                return known;
            string name = $"client/{cipherSuite}";
            var client = await options.Store.ReadAsync(name, cancellation).ConfigureAwait(false) is { } saved
                ? Client.Load(saved, options.Store.StateKey.Span, options.VerifyCredential)
                : await Enrol(
                        name,
                        new(cipherSuite, Credential) { VerifyCredential = options.VerifyCredential },
                        cancellation
                    )
                    .ConfigureAwait(false);
            return _clients[cipherSuite] = client;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<Client> Enrol(string name, Client client, CancellationToken cancellation)
    {
        await service
            .Call(
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
        // Only a key that is enrolled is kept: one that got lost on the way is simply followed by another.
        await options
            .Store.WriteAsync(
                cancellation,
                new KeyValuePair<string, byte[]?>(name, client.Save(options.Store.StateKey.Span))
            )
            .ConfigureAwait(false);
        IsDue = true;
        return client;
    }

    /// <summary>Whether the supply of key packages may be short: the device was enrolled on the way, or has opened a Welcome.</summary>
    public bool IsDue { get; private set; }

    /// <summary>Publishes key packages when fewer than half are left, and one of last resort where there is none. Those of a store that is lost are replaced: nobody could open a Welcome for them.</summary>
    /// <returns>How many were published.</returns>
    public async Task<int> KeepKeyPackagesAsync(CancellationToken cancellation)
    {
        var client = await ForAsync(options.CipherSuite, cancellation).ConfigureAwait(false);
        await _keeping.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            string mark = $"published/{options.CipherSuite}";
            bool isFirst = await options.Store.ReadAsync(mark, cancellation).ConfigureAwait(false) is null;
            var stats = await service
                .Call(
                    Lexicons.GetKeyPackageStats,
                    new GetKeyPackageStatsParameters { DeviceId = options.DeviceId },
                    cancellation
                )
                .ConfigureAwait(false);
            await DeleteExpired(cancellation).ConfigureAwait(false);
            int available = isFirst ? 0 : (int)stats.Available;
            int missing = available < (options.KeyPackages + 1) / 2 ? options.KeyPackages - available : 0;
            bool[] kinds =
            [
                .. Enumerable.Repeat(true, isFirst || !stats.LastResort ? 1 : 0),
                .. Enumerable.Repeat(false, missing),
            ];
            var packages = await New(client, kinds, cancellation).ConfigureAwait(false);
            bool replace = isFirst && (stats.Available > 0 || stats.LastResort);
            foreach (var some in packages.Chunk(100))
            {
                await service
                    .Call(
                        Lexicons.PublishKeyPackages,
                        new()
                        {
                            DeviceId = options.DeviceId,
                            KeyPackages = some,
                            Replace = replace ? true : null,
                        },
                        cancellation
                    )
                    .ConfigureAwait(false);
                replace = false;
            }
            // Without it all are replaced once more, which is right, too.
            if (isFirst)
                await options
                    .Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(mark, []))
                    .ConfigureAwait(false);
            IsDue = false;
            return packages.Count;
        }
        finally
        {
            _keeping.Release();
        }
    }

    /// <summary>A key package for a conversation's suite, in base64. Its private keys are in the store.</summary>
    public async Task<string> NewAsync(ushort cipherSuite, CancellationToken cancellation) =>
        (
            await New(await ForAsync(cipherSuite, cancellation).ConfigureAwait(false), [false], cancellation)
                .ConfigureAwait(false)
        )[0].KeyPackage;

    /// <summary>Key packages, of last resort or not, whose private keys are in the store before anybody can use them.</summary>
    private async Task<List<NewKeyPackage>> New(
        Client client,
        IReadOnlyList<bool> lastResort,
        CancellationToken cancellation
    )
    {
        var packages = new List<NewKeyPackage>();
        var secrets = new List<KeyValuePair<string, byte[]?>>();
        foreach (bool isLastResort in lastResort)
        {
            using var package = client.CreateKeyPackage(lastResort: isLastResort);
            secrets.Add(new(NameOf(package.KeyPackage.Reference), package.Save(options.Store.StateKey.Span)));
            packages.Add(
                new() { KeyPackage = Convert.ToBase64String(package.Encode()), LastResort = isLastResort ? true : null }
            );
        }
        if (secrets.Count > 0)
            await options.Store.WriteAsync(cancellation, secrets).ConfigureAwait(false);
        return packages;
    }

    /// <summary>The key package that a Welcome is for, or null.</summary>
    public async Task<OwnKeyPackage?> FindAsync(Welcome welcome, CancellationToken cancellation)
    {
        foreach (var entry in welcome.Secrets)
            if (await options.Store.ReadAsync(NameOf(entry.NewMember), cancellation).ConfigureAwait(false) is { } saved)
                return OwnKeyPackage.Load(saved, options.Store.StateKey.Span);
        return null;
    }

    /// <summary>The entry that makes a used key package be forgotten; one of last resort is used again.</summary>
    public IEnumerable<KeyValuePair<string, byte[]?>> Used(OwnKeyPackage package)
    {
        IsDue = true;
        return package.KeyPackage.IsLastResort ? [] : [new(NameOf(package.KeyPackage.Reference), null)];
    }

    private async Task DeleteExpired(CancellationToken cancellation)
    {
        var now = options.Clock.GetUtcNow();
        foreach (var (name, saved) in await options.Store.ListAsync("keypackage/", cancellation).ConfigureAwait(false))
        {
            using var package = OwnKeyPackage.Load(saved, options.Store.StateKey.Span);
            // A Welcome may be on its way for a while after.
            if (package.KeyPackage.NotAfter < now.AddDays(-30))
                await options
                    .Store.WriteAsync(cancellation, new KeyValuePair<string, byte[]?>(name, null))
                    .ConfigureAwait(false);
        }
    }

    private static string NameOf(ReadOnlyMemory<byte> reference) =>
        $"keypackage/{Convert.ToHexStringLower(reference.Span)}";

    public void Dispose()
    {
        foreach (var client in _clients.Values)
            client.Dispose();
        _gate.Dispose();
        _keeping.Dispose();
    }
}
