using System.Text.Json;
using MlsConsole.Host.Startup;

namespace MlsConsole.Host.Identity;

/// <summary>
/// DID documents from one local file, a JSON array of documents, so that a whole system can run without a
/// network (Development only, setting <c>Identity:DirectoryFile</c>). The file is read again when it changes.
/// </summary>
internal sealed class DidDirectoryFile
{
    private readonly string _path;
    private readonly Lock _lock = new();
    private (DateTime ChangedAt, Dictionary<string, DidDocument> Documents) _cached;

    /// <exception cref="ConfigurationException">The file cannot be read as an array of DID documents.</exception>
    public DidDirectoryFile(string path)
    {
        _path = path;
        try
        {
            _cached = (File.GetLastWriteTimeUtc(path), Load(path));
        }
        catch (Exception exception)
            when (exception is IOException or UnauthorizedAccessException or JsonException or FormatException)
        {
            throw new ConfigurationException(
                "Identity:DirectoryFile",
                $"must name a readable JSON array of DID documents: {exception.Message}"
            );
        }
    }

    public DidDocument? Find(string did)
    {
        lock (_lock)
        {
            DateTime changedAt = File.GetLastWriteTimeUtc(_path);
            if (changedAt != _cached.ChangedAt)
            {
                try
                {
                    _cached = (changedAt, Load(_path));
                }
                catch (Exception exception)
                    when (exception is IOException or UnauthorizedAccessException or JsonException or FormatException)
                {
                    // The file is half-written or gone, so the documents that were read last are the best answer.
                }
            }
            return _cached.Documents.GetValueOrDefault(did);
        }
    }

    private static Dictionary<string, DidDocument> Load(string path)
    {
        using FileStream file = File.OpenRead(path);
        using JsonDocument json = JsonDocument.Parse(file);
        if (json.RootElement.ValueKind != JsonValueKind.Array)
            throw new FormatException("it is not an array");
        Dictionary<string, DidDocument> documents = new(StringComparer.Ordinal);
        foreach (JsonElement element in json.RootElement.EnumerateArray())
        {
            DidDocument document = DidDocument.Read(element) ?? throw new FormatException("an entry has no id");
            documents[document.Id] = document;
        }
        return documents;
    }
}
