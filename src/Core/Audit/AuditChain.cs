using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace MlsConsole.Core.Audit;

/// <summary>
/// The chain of the audit log. The hash of a linked entry is SHA-256 over the entry's canonical JSON (RFC 8785), in
/// which the hash of the entry before it stands.
/// </summary>
internal static class AuditChain
{
    /// <summary>What stands for the hash before the first entry: 32 zero bytes.</summary>
    public static byte[] Start { get; } = new byte[SHA256.HashSizeInBytes];

    public static byte[] HashOf(AuditEntry entry, long position, byte[] previous) =>
        SHA256.HashData(Encoding.UTF8.GetBytes(Json(entry, position, previous, null)));

    /// <summary>
    /// An entry as one line of canonical JSON. Without <paramref name="hash"/> it is what is hashed; with it, it is a
    /// line of an export.
    /// </summary>
    /// <remarks>Epochs are strings, because they have 64 bits and numbers in JSON keep 53.</remarks>
    public static string Json(AuditEntry entry, long? position, byte[]? previous, byte[]? hash)
    {
        var json = new CanonicalJson()
            .Add("action", entry.Action)
            .Add("actor", entry.Actor)
            .Add("at", entry.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture))
            .Add("correlationId", entry.CorrelationId);
        AddDetails(json, entry.Details);
        json.Add("epochAfter", Epoch(entry.EpochAfter))
            .Add("epochBefore", Epoch(entry.EpochBefore))
            .Add("hash", Hex(hash))
            .Add("id", entry.Id)
            .Add("outcome", entry.Outcome);
        if (position is { } place)
            json.Add("position", place);
        return json.Add("previous", Hex(previous))
            .Add("reason", entry.Reason)
            .Add("subject", entry.Subject)
            .Add("times", entry.Times)
            .ToString();
    }

    /// <summary>
    /// Adds the details as the object that they are. A text that is not exactly an object in canonical form, so that
    /// this program has not written it, is added as a string: were it put in as it is, it could say what other columns
    /// said, and the hash would be the same.
    /// </summary>
    private static void AddDetails(CanonicalJson json, string? details)
    {
        if (details is null)
            return;
        if (CanonicalJson.Read(details) is { } read)
            json.Add("details", read);
        else
            json.Add("details", details);
    }

    public static string? Hex(byte[]? hash) => hash is null ? null : Convert.ToHexStringLower(hash);

    private static string? Epoch(ulong? epoch) => epoch?.ToString(CultureInfo.InvariantCulture);
}
