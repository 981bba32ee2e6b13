using System.Diagnostics.Metrics;

namespace MlsConsole.Mls;

/// <summary>
/// Counts the cryptographic operations of cipher suites, by kind, for a <see cref="MeterListener"/>. Without a
/// listener, counting an operation costs no more than reading a field.
/// </summary>
internal static class CryptoOperations
{
    private static readonly Counter<long> s_counter = new Meter("MlsConsole.Mls").CreateCounter<long>(
        "mls.crypto.operations",
        "{operation}",
        "Operations of cipher suites, by kind."
    );

    public static KeyValuePair<string, object?> Hash { get; } = Of("hash");
    public static KeyValuePair<string, object?> Mac { get; } = Of("mac");
    public static KeyValuePair<string, object?> Derive { get; } = Of("derive");
    public static KeyValuePair<string, object?> Aead { get; } = Of("aead");
    public static KeyValuePair<string, object?> Hpke { get; } = Of("hpke");
    public static KeyValuePair<string, object?> Sign { get; } = Of("sign");
    public static KeyValuePair<string, object?> Verify { get; } = Of("verify");
    public static KeyValuePair<string, object?> CheckKey { get; } = Of("check_key");
    public static KeyValuePair<string, object?> GenerateKey { get; } = Of("generate_key");

    public static void Count(in KeyValuePair<string, object?> operation)
    {
        if (s_counter.Enabled)
            s_counter.Add(1, operation);
    }

    private static KeyValuePair<string, object?> Of(string name) => new("operation", name);
}
