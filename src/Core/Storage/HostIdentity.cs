namespace MlsConsole.Core.Storage;

/// <summary>This run of a host, as the other hosts of the database know it.</summary>
/// <param name="Name">
/// The host's name for people, which stays the same when the host is started again (Host:Name).
/// </param>
public sealed record HostIdentity(string Name)
{
    /// <summary>
    /// The id of this run: each process makes one for itself, so a host that was started again is another run.
    /// </summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");
}
