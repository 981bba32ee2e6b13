using MlsConsole.TestKit;

namespace MlsConsole.Mls.Tests;

/// <summary>RFC 9420 §7.5, §7.6 and §12.4.2: the public half of an update path.</summary>
public sealed class Breaking_update_paths : Breaking<Breaking_update_paths>, IBreaksRules
{
    public static IReadOnlyList<Broken> Cases { get; } =
    [
        PublicScene.Case(
            Rules.PathLength,
            "a node too few",
            scene => scene.Commit(),
            (_, commit) => commit.PathNodes = -1
        ),
        PublicScene.Case(
            Rules.PathLength,
            "a node too many",
            scene => scene.Commit(),
            (_, commit) => commit.PathNodes = 1
        ),
        PublicScene.Case(
            Rules.PathCiphertexts,
            "a ciphertext too few",
            scene => scene.Commit(),
            (_, commit) => commit.PathCiphertexts = -1
        ),
        PublicScene.Case(
            Rules.PathCiphertexts,
            "a ciphertext too many",
            scene => scene.Commit(),
            (_, commit) => commit.PathCiphertexts = 1
        ),
        PublicScene.Case(
            Rules.PathCiphertexts,
            "a ciphertext too long",
            scene => scene.Commit(),
            (_, commit) => commit.CiphertextLength = 1
        ),
        PublicScene.Case(
            Rules.PathKey,
            "a key of low order",
            scene => scene.Commit(),
            (_, commit) => commit.FirstPathKey = new byte[32]
        ),
        PublicScene.Case(
            Rules.PathKey,
            "a key too short",
            scene => scene.Commit(),
            (_, commit) => commit.FirstPathKey = new byte[31]
        ),
        PublicScene.Case(
            Rules.PathKeyReused,
            "a node with the key of a leaf",
            scene => scene.Commit(),
            (scene, commit) => commit.FirstPathKey = scene.LeafOf(scene.Bob).EncryptionKey.ToArray()
        ),
        PublicScene.Case(
            Rules.PathKeyReused,
            "the leaf with the key of another leaf",
            scene => scene.Commit(),
            (scene, commit) => commit.LeafEncryptionKey = scene.LeafOf(scene.Bob).EncryptionKey.ToArray()
        ),
        PublicScene.Case(
            Rules.PathKeyReused,
            "the committer's leaf with the key that it had",
            scene => scene.Commit(),
            (scene, commit) => commit.LeafEncryptionKey = scene.LeafOf(scene.Alice).EncryptionKey.ToArray()
        ),
        PublicScene.Case(
            Rules.PathKeyReused,
            "leaf and node with one key",
            scene => scene.Commit(),
            (scene, commit) => commit.FirstPathKey = commit.LeafEncryptionKey = scene.Alice.NewKemKey()
        ),
        PublicScene.Case(
            Rules.PathParentHash,
            "another parent hash",
            scene => scene.Commit(),
            (_, commit) => commit.SpoilParentHash = true
        ),
    ];
}
