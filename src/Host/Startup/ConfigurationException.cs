namespace MlsConsole.Host.Startup;

/// <summary>A setting with which the host must not start. The message is one sentence that names the key.</summary>
/// <param name="key">The key of the setting, as in appsettings (<c>Service:Did</c>).</param>
/// <param name="problem">What the setting has to be, or why it cannot be used.</param>
internal sealed class ConfigurationException(string key, string problem) : Exception($"{key} {problem}")
{
    public string Key { get; } = key;
}
