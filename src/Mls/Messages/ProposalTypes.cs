namespace MlsConsole.Mls;

/// <summary>Proposal types of RFC 9420 (IANA registry §17.4) and of draft-ietf-mls-extensions.</summary>
public static class ProposalType
{
    /// <summary>Adds a member (RFC 9420 §12.1.1).</summary>
    public const ushort Add = 1;

    /// <summary>Replaces the sender's leaf (RFC 9420 §12.1.2).</summary>
    public const ushort Update = 2;

    /// <summary>Removes a member (RFC 9420 §12.1.3).</summary>
    public const ushort Remove = 3;

    /// <summary>Mixes in a pre-shared key (RFC 9420 §12.1.4).</summary>
    public const ushort PreSharedKey = 4;

    /// <summary>Ends the group in favour of a new one (RFC 9420 §12.1.5).</summary>
    public const ushort ReInit = 5;

    /// <summary>Carries the KEM output of an external commit (RFC 9420 §12.1.6).</summary>
    public const ushort ExternalInit = 6;

    /// <summary>Replaces the extensions of the GroupContext (RFC 9420 §12.1.7).</summary>
    public const ushort GroupContextExtensions = 7;

    /// <summary>Asks for the removal of the sender (draft-ietf-mls-extensions).</summary>
    public const ushort SelfRemove = 0x000A;

    internal static bool IsDefault(ushort type) => type is >= Add and <= GroupContextExtensions;
}
