using MlsConsole.Mls;

namespace MlsConsole.Clients;

/// <summary>Decodes and verifies MLS objects that the service served.</summary>
internal static class ServedObjects
{
    /// <summary>Runs a function that decodes or verifies, and turns its failure into the client's error.</summary>
    /// <exception cref="MlsClientException">
    /// <see cref="ClientErrors.InvalidAnswer"/>: the object is not base64, or breaks a rule of MLS.
    /// </exception>
    public static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is MlsException or FormatException)
        {
            throw new MlsClientException(
                ClientErrors.InvalidAnswer,
                $"The service served a broken MLS object: {exception.Message}",
                exception
            )
            {
                Rule = (exception as MlsException)?.Rule.Id,
            };
        }
    }

    /// <summary>Decodes a handshake message.</summary>
    /// <exception cref="FormatException">The text is not base64, or the message is no PublicMessage.</exception>
    /// <exception cref="MlsException">The message is broken.</exception>
    public static PublicMessage DecodePublicMessage(string message) =>
        MlsMessage.Decode(Convert.FromBase64String(message)).PublicMessage
        ?? throw new FormatException("A handshake is no PublicMessage.");
}
