using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Calls;

/// <summary>What a call came to: its answer and, where an epoch began, the epochs before and after.</summary>
/// <param name="Answer">What the caller gets, now and at a retry.</param>
/// <param name="EpochBefore">The epoch that ended.</param>
/// <param name="EpochAfter">The epoch that began.</param>
/// <param name="Reason">For the audit log: what a person gave as a reason, or what was found.</param>
internal sealed record CallResult<TAnswer>(
    TAnswer Answer,
    ulong? EpochBefore = null,
    ulong? EpochAfter = null,
    string? Reason = null
);

/// <summary>
/// What a call has decided to do, to be written by <see cref="CallRunner"/> in one transaction with the call's answer
/// and audit entry. There is no other way to an answer.
/// </summary>
internal abstract class Change<TAnswer>
{
    /// <summary>
    /// The subject for the audit log, where the call itself could not know the subject; null for that of the call.
    /// </summary>
    public string? Subject { get; init; }

    /// <summary>Called with the answer when the change is on disk; not for an answer that was stored before.</summary>
    public Action<TAnswer>? Written { get; init; }
}

/// <summary>A change that reads and writes in its transaction.</summary>
/// <param name="work">May be run again where another transaction was in its way.</param>
internal sealed class TransactionChange<TAnswer>(Func<MlsDbContext, Task<CallResult<TAnswer>>> work) : Change<TAnswer>
{
    public Func<MlsDbContext, Task<CallResult<TAnswer>>> Work => work;
}

/// <summary>
/// A change that was decided from what was read before: a list of statements about the conversation that is the call's
/// subject.
/// </summary>
/// <param name="statements">What is written. The first statement returns the sequence number.</param>
/// <param name="result">
/// Makes the result from the sequence number. It is also called with 0, before there is a sequence number.
/// </param>
/// <param name="whyOvertaken">
/// Why the statements do not hold any more, from the conversation's epoch and the sequence number at which somebody
/// left last; null if neither of them is the reason.
/// </param>
internal sealed class StatementsChange<TAnswer>(
    Statements statements,
    Func<long, CallResult<TAnswer>> result,
    Func<ulong, long, Task<Refusal?>> whyOvertaken
) : Change<TAnswer>
{
    public Statements Statements => statements;
    public Func<long, CallResult<TAnswer>> Result => result;
    public Func<ulong, long, Task<Refusal?>> WhyOvertaken => whyOvertaken;
}

/// <summary>A change of nothing: the call leaves its audit entry and its answer.</summary>
internal sealed class RecordChange<TAnswer>(CallResult<TAnswer> result) : Change<TAnswer>
{
    public CallResult<TAnswer> Result => result;
}
