using System.Security.Cryptography;
using System.Text;
using MlsConsole.Core.Rows;

namespace MlsConsole.Core.Calls;

/// <summary>
/// One call of a method by an account: who calls what, on which subject, and what makes a retry the same call.
/// </summary>
internal sealed class Call
{
    private Call(Caller caller, string method, string? subject, string? key, byte[] requestHash) =>
        (Caller, Method, Subject, Key, RequestHash) = (caller, method, subject, key, requestHash);

    public Caller Caller { get; }

    /// <summary>The method's name, one of <see cref="MethodNames"/>.</summary>
    public string Method { get; }

    /// <summary>
    /// What the call is about, for the audit log: a conversation or a device; null if it is about neither.
    /// </summary>
    public string? Subject { get; }

    /// <summary>The idempotency key; null where a retry is harmless, so that no answer is stored.</summary>
    public string? Key { get; }

    /// <summary>SHA-256 over the parts of the request: another request under the same key is a conflict.</summary>
    public byte[] RequestHash { get; }

    /// <summary>The conversation, as it was read, for whose epoch the call is being judged at the moment.</summary>
    public Conversation? JudgedFor { get; private set; }

    /// <summary>A call of a procedure.</summary>
    /// <param name="caller">Who calls.</param>
    /// <param name="method">One of <see cref="MethodNames"/>.</param>
    /// <param name="subject">What the call is about, for the audit log.</param>
    /// <param name="key">The caller's idempotency key, or what stands in for one.</param>
    /// <param name="parts">Everything in the request that makes another request of it.</param>
    public static Call Procedure(
        Caller caller,
        string method,
        string? subject,
        string? key,
        params ReadOnlySpan<CallPart> parts
    ) => new(caller, method, subject, key, HashOf(parts));

    /// <summary>A call of a query: it changes nothing, so a retry is a new question.</summary>
    public static Call Query(Caller caller, string method, string? subject) => new(caller, method, subject, null, []);

    /// <summary>The key of a call whose caller gives none: the same object, sent again, is the same call.</summary>
    public static string KeyOf(params ReadOnlySpan<CallPart> parts) => Convert.ToHexStringLower(HashOf(parts));

    /// <summary>
    /// Judges something that is meant for the epoch of a conversation as it was read. The judgement reads more of the
    /// conversation, later, and perhaps of a later epoch. So a refusal within it is replaced by EpochMismatch where the
    /// epoch is over (<see cref="CallRunner"/>): what a later epoch has brought about is not the caller's fault.
    /// </summary>
    /// <exception cref="RefusedException">The judgement's own refusal.</exception>
    public async Task<TJudgement> JudgeAsync<TJudgement>(Conversation conversation, Func<Task<TJudgement>> judge)
    {
        JudgedFor = conversation;
        var judgement = await judge();
        JudgedFor = null;
        return judgement;
    }

    /// <summary>SHA-256 over the parts, each after its length in bytes (little-endian, 32 bits).</summary>
    private static byte[] HashOf(ReadOnlySpan<CallPart> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            hash.AppendData(BitConverter.GetBytes(part.Bytes.Length));
            hash.AppendData(part.Bytes.Span);
        }
        return hash.GetHashAndReset();
    }
}

/// <summary>A part of a request, as bytes to be hashed.</summary>
internal readonly record struct CallPart(ReadOnlyMemory<byte> Bytes)
{
    public static implicit operator CallPart(ReadOnlyMemory<byte> bytes) => new(bytes);

    public static implicit operator CallPart(ReadOnlyMemory<byte>? bytes) => new(bytes ?? default);

    public static implicit operator CallPart(byte[] bytes) => new(bytes);

    public static implicit operator CallPart(string? text) => new(Encoding.UTF8.GetBytes(text ?? ""));

    public static implicit operator CallPart(bool value) => new(BitConverter.GetBytes(value));

    public static implicit operator CallPart(int value) => new(BitConverter.GetBytes(value));

    public static implicit operator CallPart(ulong value) => new(BitConverter.GetBytes(value));
}
