namespace MlsConsole.Mls;

/// <summary>Proposal types of RFC 9420 (IANA registry §17.4) and of draft-ietf-mls-extensions.</summary>
public static class ProposalType
{
    /// <summary>§12.1.1</summary>
    public const ushort Add = 1;

    /// <summary>§12.1.2</summary>
    public const ushort Update = 2;

    /// <summary>§12.1.3</summary>
    public const ushort Remove = 3;

    /// <summary>§12.1.4</summary>
    public const ushort PreSharedKey = 4;

    /// <summary>§12.1.5</summary>
    public const ushort ReInit = 5;

    /// <summary>§12.1.6</summary>
    public const ushort ExternalInit = 6;

    /// <summary>§12.1.7</summary>
    public const ushort GroupContextExtensions = 7;

    /// <summary>draft-ietf-mls-extensions: a member asks to be removed.</summary>
    public const ushort SelfRemove = 0x000A;

    internal static bool IsDefault(ushort type) => type is >= Add and <= GroupContextExtensions;
}
