namespace MlsConsole.Core;

/// <summary>
/// Who gives a command of the console. Every command takes the actor and asks for the role that it needs, so that it
/// is the same whether the command came by a page, the HTTP API or the command line.
/// </summary>
/// <param name="Name">The name in the audit log: that of a person, or of an API token.</param>
/// <param name="Role">What the actor may do.</param>
public sealed record Actor(string Name, ConsoleRole Role)
{
    /// <summary>Whoever runs a command of the program, and so can read and write the database as a whole.</summary>
    public static Actor CommandLine { get; } = new("operator", ConsoleRole.Admin);

    /// <summary>Whether the actor may do what takes this role.</summary>
    public bool May(ConsoleRole least) => Role >= least;

    /// <exception cref="RefusedException">Forbidden: the actor has a lower role. Nothing was changed.</exception>
    public void Require(ConsoleRole least)
    {
        if (!May(least))
            throw ConsoleRefusals.Forbidden(least).AsException();
    }
}
