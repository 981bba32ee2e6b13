using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// A key package of the device with its private keys: entry <c>keypackage/REFERENCE</c>, whose value is sealed with the
/// store's key.
/// </summary>
/// <param name="Reference">The key package's reference (RFC 9420 §5.2) in lower-case hexadecimal digits.</param>
/// <param name="SealedState">What <see cref="OwnKeyPackage.Save"/> gave.</param>
internal sealed record StoredKeyPackage(string Reference, byte[] SealedState)
{
    private const string Folder = "keypackage/";

    /// <summary>A key package, sealed with the store's key.</summary>
    public static StoredKeyPackage Of(OwnKeyPackage package, MlsStore store) =>
        new(Hexadecimal(package.KeyPackage.Reference), package.Save(store.StateKey.Span));

    /// <param name="store">The store.</param>
    /// <param name="reference">The key package's reference, as a Welcome has it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Null where the store has no such key package.</returns>
    public static async ValueTask<StoredKeyPackage?> ReadAsync(
        MlsStore store,
        ReadOnlyMemory<byte> reference,
        CancellationToken cancellation
    )
    {
        string digits = Hexadecimal(reference);
        return await store.ReadAsync(Folder + digits, cancellation).ConfigureAwait(false) is { } value
            ? new(digits, value)
            : null;
    }

    /// <summary>All key packages in the store.</summary>
    public static async ValueTask<IReadOnlyList<StoredKeyPackage>> ListAsync(
        MlsStore store,
        CancellationToken cancellation
    ) =>
        [
            .. (await store.ListAsync(Folder, cancellation).ConfigureAwait(false)).Select(
                static entry => new StoredKeyPackage(entry.Key[Folder.Length..], entry.Value)
            ),
        ];

    /// <summary>The entry that saves the key package.</summary>
    public StoreEntry ToEntry() => new(Folder + Reference, SealedState);

    /// <summary>The entry that deletes the key package.</summary>
    public StoreEntry ToDeletion() => new(Folder + Reference, null);

    /// <summary>The entry that deletes a key package.</summary>
    public static StoreEntry Deletion(OwnKeyPackage package) =>
        new(Folder + Hexadecimal(package.KeyPackage.Reference), null);

    /// <summary>Opens the key package.</summary>
    public OwnKeyPackage Open(MlsStore store) => OwnKeyPackage.Load(SealedState, store.StateKey.Span);

    private static string Hexadecimal(ReadOnlyMemory<byte> reference) => Convert.ToHexStringLower(reference.Span);
}
