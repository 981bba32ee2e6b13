using System.Runtime.InteropServices;

namespace MlsConsole.Clients.Native;

/// <summary>How a call ended: <c>mls_status</c> of mls_client.h.</summary>
internal enum Status
{
    Ok = 0,
    Failed = 1,
    InvalidArgument = 2,
    InvalidHandle = 3,
    Cancelled = 4,
    TimedOut = 5,
    Internal = 6,
}

// The structures of mls_client.h, field by field. A reserved field keeps the field after it at the place where C puts
// that field on every platform.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ErrorAbi
{
    public byte* Id,
        Message,
        Method,
        Rule;
    public int HttpStatus,
        Reserved;
    public long RetryAfterMs,
        CurrentEpoch;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageAbi
{
    public byte* ConversationId;
    public long Seq;
    public ulong Epoch;
    public byte* Sender;
    public nuint SenderLength;
    public byte* Data;
    public nuint DataLength;
    public long SentAtMs;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OptionsAbi
{
    public nuint Size;
    public byte* ServiceUrl,
        ServiceDid,
        Did,
        DeviceId,
        DeviceName,
        StorePath;
    public byte* StoreKey;
    public nuint StoreKeyLength;
    public delegate* unmanaged[Cdecl]<void*, byte*, byte*, byte*, nuint, int> TokenSource;
    public byte* AccountKey;
    public nuint AccountKeyLength;
    public int AccountKeyCurve,
        CipherSuite;
    public delegate* unmanaged[Cdecl]<void*, MessageAbi*, int> OnMessage;
    public delegate* unmanaged[Cdecl]<void*, byte*, nuint, byte*, nuint, int> VerifyCredential;
    public void* Context;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RejoinAbi
{
    public int Way,
        Joined;
    public ulong Epoch;
    public int Attempts,
        AwaitsApproval;
    public long ElapsedMs,
        WaitedMs;

    public static RejoinAbi Of(RejoinResult result) =>
        new()
        {
            Way = result.Way switch
            {
                RejoinWay.Welcome => 1,
                RejoinWay.ExternalCommit => 2,
                _ => 3,
            },
            Joined = result.Joined ? 1 : 0,
            Epoch = result.Epoch,
            Attempts = result.Attempts,
            AwaitsApproval = result.AwaitsApproval ? 1 : 0,
            ElapsedMs = (long)result.Elapsed.TotalMilliseconds,
            WaitedMs = (long)result.Waited.TotalMilliseconds,
        };
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RecoveryAbi
{
    public byte* ConversationId,
        ErrorId,
        ErrorMessage;
    public RejoinAbi Rejoin;
}

/// <summary><c>mls_recoveries</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RecoveriesAbi
{
    public nuint Count;
    public RecoveryAbi* Items;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RecordedAbi
{
    public ulong Epoch;
    public long Seq;

    public static RecordedAbi Of(Recorded recorded) => new() { Epoch = recorded.Epoch, Seq = recorded.Seq };
}

[StructLayout(LayoutKind.Sequential)]
internal struct SyncAbi
{
    public ulong Epoch;
    public int Messages,
        Commits,
        Unreadable,
        Removed,
        Rejoined,
        Reserved;

    public static SyncAbi Of(SyncResult result) =>
        new()
        {
            Epoch = result.Epoch,
            Messages = result.Messages.Count,
            Commits = result.Commits,
            Unreadable = result.Unreadable,
            Removed = result.Removed ? 1 : 0,
            Rejoined = result.Rejoin is { Joined: true } ? 1 : 0,
        };
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BytesAbi
{
    public byte* Data;
    public nuint Length;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ConversationAbi
{
    public ulong Epoch;
    public long Seq;
    public BytesAbi EpochAuthenticator;
    public nuint MemberCount;
    public BytesAbi* Members;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct EventAbi
{
    public int Kind,
        Reserved;
    public byte* Name,
        ConversationId;
    public long Seq;
    public byte* Did,
        Detail;
    public MessageAbi* Message;
    public byte* ErrorId,
        ErrorMessage;
}
