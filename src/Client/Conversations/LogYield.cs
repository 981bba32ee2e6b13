namespace MlsConsole.Clients;

/// <summary>What entries of the service's log brought.</summary>
internal sealed class LogYield
{
    public List<IncomingMessage> Messages { get; } = [];

    /// <summary>How many commits were followed.</summary>
    public int Commits { get; set; }

    /// <summary>How many messages could not be opened.</summary>
    public int Unreadable { get; set; }

    /// <summary>Whether a commit removed this device.</summary>
    public bool Removed { get; set; }

    /// <summary>Adds what later entries brought.</summary>
    public void Add(LogYield later)
    {
        Messages.AddRange(later.Messages);
        Commits += later.Commits;
        Unreadable += later.Unreadable;
        Removed |= later.Removed;
    }
}
