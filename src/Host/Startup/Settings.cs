using System.Globalization;

namespace MlsConsole.Host.Startup;

/// <summary>Reads single settings. Each throws a <see cref="ConfigurationException"/> that names the key.</summary>
internal static class Settings
{
    public static bool Switch(IConfiguration configuration, string key, bool otherwise) =>
        configuration[key] switch
        {
            null or "" => otherwise,
            { } text => bool.TryParse(text, out bool value)
                ? value
                : throw new ConfigurationException(key, "must be true or false."),
        };

    public static int Count(IConfiguration configuration, string key, int otherwise) =>
        configuration[key] switch
        {
            null or "" => otherwise,
            { } text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
                ? value
                : throw new ConfigurationException(key, "must be a positive integer."),
        };

    public static TimeSpan Duration(IConfiguration configuration, string key, TimeSpan otherwise) =>
        configuration[key] switch
        {
            null or "" => otherwise,
            { } text => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan value)
            && value > TimeSpan.Zero
                ? value
                : throw new ConfigurationException(key, "must be a positive time span, for example 00:05:00."),
        };
}
