namespace MlsConsole.Host.Xrpc;

/// <summary>All methods by NSID.</summary>
internal sealed class XrpcMethods(IEnumerable<XrpcMethod> methods)
{
    private readonly Dictionary<string, XrpcMethod> byNsid = methods.ToDictionary(
        static method => method.Nsid,
        StringComparer.Ordinal
    );

    public IEnumerable<XrpcMethod> All => byNsid.Values;

    public XrpcMethod? Find(string nsid) => byNsid.GetValueOrDefault(nsid);
}
