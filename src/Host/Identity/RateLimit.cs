using System.Globalization;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Identity;

/// <summary>How a limit stands after a request, for the headers of its answer.</summary>
/// <param name="Limit">How many requests a window has.</param>
/// <param name="Remaining">How many requests are left in the window.</param>
/// <param name="Reset">When the window ends.</param>
/// <param name="Window">The length of the window.</param>
/// <param name="IsExceeded">Whether no request was left for this one.</param>
internal sealed record RateLimit(int Limit, int Remaining, DateTimeOffset Reset, TimeSpan Window, bool IsExceeded)
{
    /// <exception cref="XrpcException">The limit is exceeded (429).</exception>
    public void Check(string whose, DateTimeOffset now)
    {
        if (IsExceeded)
            throw XrpcException.RateLimitExceeded(whose, (int)Math.Max(1, Math.Ceiling((Reset - now).TotalSeconds)));
    }

    public void WriteHeaders(IHeaderDictionary headers)
    {
        headers["RateLimit-Limit"] = Text(Limit);
        headers["RateLimit-Remaining"] = Text(Remaining);
        headers["RateLimit-Reset"] = Text(Reset.ToUnixTimeSeconds());
        headers["RateLimit-Policy"] = $"{Text(Limit)};w={Text((long)Window.TotalSeconds)}";
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
