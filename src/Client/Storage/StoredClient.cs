using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>
/// The device's credential and signature key for one cipher suite: entry <c>client/SUITE</c> (the suite as a decimal
/// number), whose value is sealed with the store's key.
/// </summary>
/// <param name="CipherSuite">The cipher suite.</param>
/// <param name="SealedState">What <see cref="Client.Save"/> gave.</param>
internal sealed record StoredClient(ushort CipherSuite, byte[] SealedState)
{
    /// <summary>The keys of a client, sealed with the store's key.</summary>
    public static StoredClient Of(ushort cipherSuite, Client client, MlsStore store) =>
        new(cipherSuite, client.Save(store.StateKey.Span));

    /// <returns>Null where the device has no key for the cipher suite.</returns>
    public static async ValueTask<StoredClient?> ReadAsync(
        MlsStore store,
        ushort cipherSuite,
        CancellationToken cancellation
    ) =>
        await store.ReadAsync(NameOf(cipherSuite), cancellation).ConfigureAwait(false) is { } value
            ? new(cipherSuite, value)
            : null;

    /// <summary>The entry that saves the keys.</summary>
    public StoreEntry ToEntry() => new(NameOf(CipherSuite), SealedState);

    /// <summary>Opens the keys.</summary>
    public Client Open(MlsStore store, CredentialVerifier? verifyCredential) =>
        Client.Load(SealedState, store.StateKey.Span, verifyCredential);

    private static string NameOf(ushort cipherSuite) => $"client/{cipherSuite}";
}
