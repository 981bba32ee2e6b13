namespace MlsConsole.Host.Xrpc;

/// <summary>A method of the service: its checks of a request, and its handler.</summary>
internal abstract class XrpcMethod(string nsid)
{
    public string Nsid { get; } = nsid;

    /// <summary>The last segment of the NSID: what activity records and metrics call the method.</summary>
    public string Label { get; } = LabelOf(nsid);

    /// <summary>The label of requests that name no method of this service.</summary>
    public const string UnknownLabel = "unknown";

    /// <summary>The <see cref="Label"/> of the method with an NSID.</summary>
    public static string LabelOf(string nsid) => nsid[(nsid.LastIndexOf('.') + 1)..];

    /// <summary>
    /// Checks verb and headers, before the caller is authenticated and before a byte of a body is read.
    /// </summary>
    /// <exception cref="XrpcException">Verb or headers are not those of this method.</exception>
    public abstract void CheckContent(HttpRequest request);

    /// <summary>Decodes the input, asks Core and encodes the output.</summary>
    public abstract Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call);
}

/// <summary>A method that is called by GET or HEAD, with parameters and without a body.</summary>
internal abstract class XrpcQuery(string nsid) : XrpcMethod(nsid)
{
    public override void CheckContent(HttpRequest request)
    {
        XrpcContent.CheckVerb(request, isQuery: true);
        XrpcContent.CheckNone(request);
    }
}

/// <summary>A method that is called by POST, with a JSON body of at most <see cref="MostBytes"/> bytes.</summary>
internal abstract class XrpcProcedure(string nsid, int bodyLimit) : XrpcMethod(nsid)
{
    public int MostBytes { get; } = bodyLimit;

    public override void CheckContent(HttpRequest request)
    {
        XrpcContent.CheckVerb(request, isQuery: false);
        XrpcContent.CheckJson(request, MostBytes);
    }

    protected async Task<ReadOnlyMemory<byte>> ReadBodyAsync(XrpcCall call)
    {
        var body = await XrpcContent.ReadJsonAsync(call.Request, MostBytes, call.Cancellation);
        call.BodyReadAt = call.Feature<TimeProvider>().GetTimestamp();
        return body;
    }
}
