namespace MlsConsole.Clients;

/// <summary>
/// A call did not succeed: the service refused it or could not be reached, or what the service served cannot be
/// trusted.
/// </summary>
/// <param name="error">See <see cref="Error"/>.</param>
/// <param name="message">A sentence for people.</param>
/// <param name="inner">The cause.</param>
public sealed class MlsClientException(string error, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>
    /// The XRPC error name of a refusal, such as <c>Unauthorized</c> or <c>EpochMismatch</c>, or one of
    /// <see cref="ClientErrors"/>.
    /// </summary>
    public string Error { get; } = error;

    /// <summary>The method that was called.</summary>
    public string? Method { get; init; }

    /// <summary>The HTTP status; 0 where there was no answer.</summary>
    public int Status { get; init; }

    /// <summary>The id of the broken rule, with <c>InvalidCommit</c>, <c>InvalidGroupInfo</c> and the like.</summary>
    public string? Rule { get; init; }

    /// <summary>The service's epoch, with <c>EpochMismatch</c>.</summary>
    public ulong? CurrentEpoch { get; init; }

    /// <summary><c>stale</c> or <c>ahead</c>, with <c>EpochMismatch</c>.</summary>
    public string? Reason { get; init; }

    /// <summary>How long to wait before the next try, where the service says so.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Names of errors that the client itself finds: values of <see cref="MlsClientException.Error"/>.</summary>
public static class ClientErrors
{
    /// <summary>No answer came: what was asked for may or may not have happened.</summary>
    public const string Unreachable = "Unreachable";

    /// <summary>The answer is not what its lexicon demands, or a broken MLS object is in it.</summary>
    public const string InvalidAnswer = "InvalidAnswer";

    /// <summary>The device has no state of the conversation: it has to join or rejoin.</summary>
    public const string NoState = "NoState";

    /// <summary>The service's log does not lead from the known epoch to a later one that was seen.</summary>
    public const string Desynchronised = "Desynchronised";

    /// <summary>The group that the service offers does not descend from the epoch that the device knows.</summary>
    public const string OtherBranch = "OtherBranch";

    /// <summary>The conversation was rejoined so often that one more rejoin would not help.</summary>
    public const string RejoinLoop = "RejoinLoop";

    /// <summary>Every way back failed; the inner exception is the last failure.</summary>
    public const string RejoinFailed = "RejoinFailed";

    /// <summary>The store was written with another key.</summary>
    public const string WrongStoreKey = "WrongStoreKey";

    /// <summary>
    /// The group is already as it was to become: no account has a device that can be added, or that is there to be
    /// removed.
    /// </summary>
    public const string NothingToDo = "NothingToDo";
}
