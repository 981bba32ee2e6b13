namespace MlsConsole.Clients;

/// <summary>One entry that is written into an <see cref="MlsStore"/>.</summary>
/// <param name="Name">A path such as <c>group/CONVERSATION</c>.</param>
/// <param name="Value">The bytes; null deletes the entry.</param>
internal readonly record struct StoreEntry(string Name, byte[]? Value);
