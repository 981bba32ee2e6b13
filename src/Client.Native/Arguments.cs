using System.Text;

namespace MlsConsole.Clients.Native;

/// <summary>The caller has passed an argument that the call cannot work with.</summary>
internal sealed class InvalidArgumentException(string message) : Exception(message);

/// <summary>Reads and checks the arguments of the caller.</summary>
internal static unsafe class Arguments
{
    private const int LongestText = 65536;
    private static readonly UTF8Encoding s_strict = new(
        encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: true
    );

    /// <summary>Reads a string that may be null.</summary>
    public static string? Text(byte* text, string name)
    {
        if (text is null)
            return null;
        int length = 0;
        while (length <= LongestText && text[length] != 0)
            length++;
        if (length > LongestText)
            throw new InvalidArgumentException($"{name} is longer than {LongestText} bytes.");
        try
        {
            return s_strict.GetString(text, length);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidArgumentException($"{name} is not UTF-8.");
        }
    }

    /// <summary>Reads a string that has to be there.</summary>
    public static string Required(byte* text, string name) =>
        Text(text, name) is { Length: > 0 } there ? there : throw new InvalidArgumentException($"{name} is missing.");

    /// <summary>Bytes in the caller's memory, not copied.</summary>
    public static ReadOnlySpan<byte> Bytes(byte* data, nuint length, string name)
    {
        if (data is null && length > 0)
            throw new InvalidArgumentException($"{name} is null and has a length.");
        if (length > int.MaxValue)
            throw new InvalidArgumentException($"{name} is too long.");
        return new(data, (int)length);
    }

    /// <summary>A key of 32 bytes in the caller's memory, not copied.</summary>
    public static ReadOnlySpan<byte> Key(byte* data, nuint length, string name) =>
        data is not null && length == 32
            ? new(data, 32)
            : throw new InvalidArgumentException($"{name} has to have 32 bytes.");
}
