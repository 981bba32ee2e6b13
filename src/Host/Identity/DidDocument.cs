using System.Text.Json;

namespace MlsConsole.Host.Identity;

/// <summary>
/// The parts of a DID document that this service needs: its DID and the key of its <c>#atproto</c> method.
/// </summary>
/// <param name="Id">The DID that the document describes.</param>
/// <param name="SigningKey">
/// The <c>#atproto</c> verification method's key; <see langword="null"/> if there is none of a known type.
/// </param>
internal sealed record DidDocument(string Id, EcdsaPublicKey? SigningKey)
{
    private const string SigningKeyFragment = "#atproto";

    /// <summary>Reads a document; <see langword="null"/> if it is not an object with a string <c>id</c>.</summary>
    public static DidDocument? Read(JsonElement document)
    {
        if (Text(document, "id") is not { } id)
            return null;
        return new DidDocument(id, ReadSigningKey(document, id));
    }

    private static EcdsaPublicKey? ReadSigningKey(JsonElement document, string id)
    {
        if (
            !document.TryGetProperty("verificationMethod", out JsonElement methods)
            || methods.ValueKind != JsonValueKind.Array
        )
            return null;
        foreach (JsonElement method in methods.EnumerateArray())
        {
            // A method's id is absolute or relative to the document. The "#atproto" of another DID does not count.
            string? methodId = Text(method, "id");
            if (methodId == SigningKeyFragment || methodId == id + SigningKeyFragment)
                return ReadKey(method);
        }
        return null;
    }

    private static EcdsaPublicKey? ReadKey(JsonElement method)
    {
        if (Text(method, "publicKeyMultibase") is not { } multibase)
            return null;
        return Text(method, "type") switch
        {
            "Multikey" => Multikey.FromMultikey(multibase),
            "EcdsaSecp256r1VerificationKey2019" => Multikey.FromLegacy(EcdsaCurve.P256, multibase),
            "EcdsaSecp256k1VerificationKey2019" => Multikey.FromLegacy(EcdsaCurve.Secp256k1, multibase),
            _ => null,
        };
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object
        && element.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
