namespace MlsConsole.Core;

/// <summary>
/// What a person or a script may do in the console. Each role may also do what the roles before it may.
/// </summary>
public enum ConsoleRole
{
    /// <summary>Sees everything but the administration of people.</summary>
    Viewer,

    /// <summary>Holds a rollout, rolls it back, turns external commits off, acknowledges alerts.</summary>
    Operator,

    /// <summary>Turns external commits on for more accounts, and approves that somebody else does.</summary>
    Approver,

    /// <summary>Administers people, API tokens, settings and bans.</summary>
    Admin,
}
