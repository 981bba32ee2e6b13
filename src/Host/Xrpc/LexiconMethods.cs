using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>A query whose lexicon decodes and encodes for it.</summary>
internal sealed class QueryMethod<TParameters, TOutput>(
    Query<TParameters, TOutput> lexicon,
    Func<XrpcCall, TParameters, Task<TOutput>> handle
) : XrpcQuery(lexicon.Nsid)
{
    public override async Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call) =>
        lexicon.WriteOutput(await handle(call, lexicon.ReadParameters(QueryParameters.Of(call.Request))));
}

/// <summary>A request's query as it was sent.</summary>
internal static class QueryParameters
{
    // Not Request.Query: that one ignores the case of names.
    public static List<KeyValuePair<string, string>> Of(HttpRequest request)
    {
        var parameters = new List<KeyValuePair<string, string>>();
        foreach (var pair in new Microsoft.AspNetCore.WebUtilities.QueryStringEnumerable(request.QueryString.Value))
            parameters.Add(new(pair.DecodeName().ToString(), pair.DecodeValue().ToString()));
        return parameters;
    }
}

/// <summary>A procedure whose lexicon decodes and encodes for it.</summary>
internal sealed class ProcedureMethod<TInput, TOutput>(
    Procedure<TInput, TOutput> lexicon,
    int bodyLimit,
    Func<XrpcCall, TInput, Task<TOutput>> handle
) : XrpcProcedure(lexicon.Nsid, bodyLimit)
{
    public override async Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call)
    {
        var body = await ReadBodyAsync(call);
        return lexicon.WriteOutput(await handle(call, lexicon.ReadInput(body.Span)));
    }
}

/// <summary>How many bytes the body of a request may have.</summary>
internal static class BodyLimit
{
    /// <summary>Names and flags.</summary>
    public const int Small = 64 * 1024;

    /// <summary>A proposal of 1 MiB in base64 and the JSON around it.</summary>
    public const int Proposal = 1536 * 1024;

    /// <summary>Key packages, a hundred of them.</summary>
    public const int KeyPackages = 8 * 1024 * 1024;

    /// <summary>One MLS object of 10 MiB in base64 and the JSON around it.</summary>
    public const int Message = 14 * 1024 * 1024;

    /// <summary>A commit, its GroupInfo (of 10 MiB at most, too), a tree and a Welcome.</summary>
    public const int Commit = 32 * 1024 * 1024;
}
