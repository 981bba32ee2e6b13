namespace MlsConsole.Host.Xrpc;

/// <summary>Finds the methods of the service by NSID.</summary>
internal sealed class XrpcMethods(IEnumerable<XrpcMethod> methods)
{
    private readonly Dictionary<string, XrpcMethod> _byNsid = methods.ToDictionary(
        static method => method.Nsid,
        StringComparer.Ordinal
    );

    public IEnumerable<XrpcMethod> All => _byNsid.Values;

    public XrpcMethod? Find(string nsid) => _byNsid.GetValueOrDefault(nsid);
}
