using System.Text.Json;

namespace MlsConsole.Mls.Tests;

/// <summary>A kind of test vector: the keys that tell it from the others, and what is checked of one case.</summary>
/// <param name="Keys">All of them stand in every case.</param>
/// <param name="Check">Throws unless the case holds. The suite is null for a kind that has none.</param>
internal sealed record VectorKind(string Name, string[] Keys, Func<CipherSuite?, JsonElement, PublicCommits> Check)
{
    private const string PassiveFolder = "passive-";

    public static VectorKind Passive { get; } =
        new(
            "passive-client",
            ["cipher_suite", "key_package", "init_priv", "welcome", "initial_epoch_authenticator", "epochs"],
            (suite, test) => PassiveClient.Check(suite!, test)
        );

    private static readonly VectorKind[] s_all =
    [
        Passive,
        WithSuite(
            "crypto-basics",
            [
                "ref_hash",
                "expand_with_label",
                "derive_secret",
                "derive_tree_secret",
                "sign_with_label",
                "encrypt_with_label",
            ],
            CryptoVectors.CryptoBasics
        ),
        WithoutSuite("deserialization", ["vlbytes_header", "length"], CodecVectors.VariableLengthHeader),
        WithSuite("key-schedule", ["group_id", "initial_init_secret", "epochs"], SecretVectors.KeySchedule),
        WithSuite(
            "message-protection",
            ["membership_key", "proposal_priv", "commit_pub", "application_priv"],
            MessageVectors.MessageProtectionAgrees
        ),
        WithoutSuite(
            "messages",
            ["mls_welcome", "mls_group_info", "mls_key_package", "ratchet_tree", "group_secrets", "private_message"],
            CodecVectors.Messages
        ),
        WithSuite("psk_secret", ["psks", "psk_secret"], SecretVectors.PreSharedKeySecrets),
        WithSuite("secret-tree", ["encryption_secret", "sender_data", "leaves"], SecretVectors.SecretTreeAgrees),
        WithSuite(
            "transcript-hashes",
            ["authenticated_content", "confirmation_key", "confirmed_transcript_hash_after"],
            TreeVectors.TranscriptHashes
        ),
        WithoutSuite("tree-math", ["n_leaves", "n_nodes", "root", "left", "right"], TreeVectors.TreeMathAgrees),
        WithSuite(
            "tree-operations",
            ["tree_before", "proposal", "proposal_sender", "tree_after"],
            TreeVectors.TreeOperation
        ),
        WithSuite(
            "tree-validation",
            ["tree", "group_id", "resolutions", "tree_hashes"],
            TreeVectors.TreeValidationAgrees
        ),
        WithSuite("treekem", ["ratchet_tree", "leaves_private", "update_paths"], SecretVectors.UpdatePaths),
        WithSuite("welcome", ["init_priv", "key_package", "welcome", "signer_pub"], SecretVectors.WelcomeOpens),
    ];

    /// <summary>
    /// The kind of a file. It depends on the folder if that starts with <c>passive-</c>, otherwise on the keys of the
    /// first case, and never on the name of the file.
    /// </summary>
    /// <returns>Null for a shape that nobody here knows.</returns>
    public static VectorKind? Of(string relativePath, JsonElement firstCase)
    {
        var folders = relativePath.Split('/')[..^1];
        if (folders.Any(folder => folder.StartsWith(PassiveFolder, StringComparison.Ordinal)))
            return Passive;
        if (firstCase.ValueKind != JsonValueKind.Object)
            return null;
        var fitting = s_all.Where(kind => kind.Keys.All(key => firstCase.TryGetProperty(key, out _))).ToList();
        return fitting.Count == 1 ? fitting[0] : null;
    }

    public bool HasSuite { get; private init; } = true;

    private static VectorKind WithSuite(string name, string[] keys, Action<CipherSuite, JsonElement> check) =>
        new(
            name,
            ["cipher_suite", .. keys],
            (suite, test) =>
            {
                check(suite!, test);
                return default;
            }
        );

    private static VectorKind WithoutSuite(string name, string[] keys, Action<JsonElement> check) =>
        new(
            name,
            keys,
            (_, test) =>
            {
                check(test);
                return default;
            }
        )
        {
            HasSuite = false,
        };
}

/// <summary>What a public observer saw of a history.</summary>
/// <param name="Followed">Commits that it followed.</param>
/// <param name="External">External commits among them.</param>
/// <param name="GroupInfos">GroupInfos that it agreed with.</param>
internal readonly record struct PublicCommits(int Followed, int External, int GroupInfos);
