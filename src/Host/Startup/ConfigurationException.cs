namespace MlsConsole.Host.Startup;

/// <summary>A setting with which the host must not start. Its message is one sentence that names the key.</summary>
/// <param name="key">The setting, as appsettings spell it (<c>Service:Did</c>).</param>
/// <param name="problem">What it has to be or why it cannot be used.</param>
internal sealed class ConfigurationException(string key, string problem) : Exception($"{key} {problem}")
{
    public string Key { get; } = key;
}
