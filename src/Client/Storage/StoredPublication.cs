namespace MlsConsole.Clients;

/// <summary>
/// That this store has published key packages of a cipher suite: entry <c>published/SUITE</c> (the suite as a decimal
/// number), whose value is empty.
/// </summary>
/// <param name="CipherSuite">The cipher suite.</param>
internal sealed record StoredPublication(ushort CipherSuite)
{
    /// <summary>Whether key packages of a cipher suite were published from this store.</summary>
    public static async ValueTask<bool> ExistsAsync(
        MlsStore store,
        ushort cipherSuite,
        CancellationToken cancellation
    ) => await store.ReadAsync(NameOf(cipherSuite), cancellation).ConfigureAwait(false) is not null;

    /// <summary>The entry that saves the fact.</summary>
    public StoreEntry ToEntry() => new(NameOf(CipherSuite), []);

    private static string NameOf(ushort cipherSuite) => $"published/{cipherSuite}";
}
