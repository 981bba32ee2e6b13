using MlsConsole.Lexicon;

namespace MlsConsole.Host.Xrpc;

/// <summary>A query whose lexicon decodes its parameters and encodes its output.</summary>
internal sealed class QueryMethod<TParameters, TOutput>(
    Query<TParameters, TOutput> lexicon,
    Func<XrpcCall, TParameters, Task<TOutput>> handle
) : XrpcQuery(lexicon.Nsid)
{
    public override async Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call) =>
        lexicon.WriteOutput(await handle(call, lexicon.ReadParameters(QueryParameters.Of(call.Request))));
}

/// <summary>Reads the query of a request as it was sent.</summary>
internal static class QueryParameters
{
    // Request.Query is not used, because it ignores the case of names.
    public static List<KeyValuePair<string, string>> Of(HttpRequest request)
    {
        var parameters = new List<KeyValuePair<string, string>>();
        foreach (var pair in new Microsoft.AspNetCore.WebUtilities.QueryStringEnumerable(request.QueryString.Value))
            parameters.Add(new(pair.DecodeName().ToString(), pair.DecodeValue().ToString()));
        return parameters;
    }
}

/// <summary>A procedure whose lexicon decodes its input and encodes its output.</summary>
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

/// <summary>The greatest number of bytes that the body of a request may have, by what is in the body.</summary>
internal static class BodyLimit
{
    /// <summary>Names and flags.</summary>
    public const int Small = 64 * 1024;

    /// <summary>A proposal of 1 MiB in base64 and the JSON around it.</summary>
    public const int Proposal = 1536 * 1024;

    /// <summary>A hundred key packages.</summary>
    public const int KeyPackages = 8 * 1024 * 1024;

    /// <summary>One MLS object of 10 MiB in base64 and the JSON around it.</summary>
    public const int Message = 14 * 1024 * 1024;

    /// <summary>A commit, its GroupInfo (of 10 MiB at most, too), a tree and a Welcome.</summary>
    public const int Commit = 32 * 1024 * 1024;
}
