namespace MlsConsole.Core;

/// <summary>
/// What became of a request, where that is not an error name of a lexicon: values in the audit log, in activity records
/// and of metric labels.
/// </summary>
public static class RequestOutcomes
{
    /// <summary>The request was done, or its question answered.</summary>
    public const string Accepted = "accepted";

    /// <summary>The caller left before the request was done.</summary>
    public const string RequestAborted = "RequestAborted";

    /// <summary>
    /// The request itself is not in order: the error of XRPC that every method has, so that no lexicon declares it.
    /// </summary>
    public const string InvalidRequest = "InvalidRequest";

    /// <summary>Somebody else has changed meanwhile what the command is about.</summary>
    public const string VersionMismatch = "VersionMismatch";

    /// <summary>The service failed: an error of XRPC that every method has.</summary>
    public const string InternalServerError = "InternalServerError";

    /// <summary>The service cannot answer at the moment: an error of XRPC that every method has.</summary>
    public const string NotEnoughResources = "NotEnoughResources";
}
