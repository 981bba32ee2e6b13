using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace MlsConsole.Host.Tests;

/// <summary>Sends bytes as they are and reads one answer: an HTTP client would repair what these tests break.</summary>
internal static class RawHttp
{
    public static async Task<RawAnswer> Send(Uri host, string head, byte[]? body = null)
    {
        using TcpClient client = new();
        await client.ConnectAsync(host.Host, host.Port);
        await using NetworkStream stream = client.GetStream();
        string[] lines = head.ReplaceLineEndings("\n").Trim('\n').Split('\n');
        StringBuilder request = new StringBuilder(lines[0]).Append("\r\nHost: localhost\r\nConnection: close\r\n");
        foreach (string line in lines[1..])
            request.Append(line).Append("\r\n");
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request.Append("\r\n").ToString()));
        try
        {
            if (body is not null)
                await stream.WriteAsync(body);
        }
        catch (IOException)
        {
            // The host may answer and close before it has read everything.
        }
        using MemoryStream answer = new();
        try
        {
            await stream.CopyToAsync(answer);
        }
        catch (IOException) when (answer.Length > 0)
        {
            // A reset after the answer: the rest of our body was not wanted.
        }
        return RawAnswer.Parse(answer.ToArray());
    }

    public static byte[] Chunked(byte[] body) =>
        [
            .. Encoding.ASCII.GetBytes(body.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"),
            .. body,
            .. "\r\n0\r\n\r\n"u8,
        ];
}

internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string? Error => Json("error");

    public string? Message => Json("message");

    public static RawAnswer Parse(byte[] bytes)
    {
        string text = Encoding.UTF8.GetString(bytes);
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end > 0, "The host closed the connection without an answer.");
        string[] lines = text[..end].Split("\r\n");
        Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
        foreach (string line in lines[1..])
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }
        return new RawAnswer(
            int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture),
            headers,
            text[(end + 4)..]
        );
    }

    public string? Json(string name)
    {
        using JsonDocument json = JsonDocument.Parse(Body);
        return json.RootElement.TryGetProperty(name, out JsonElement value) ? value.ToString() : null;
    }
}
