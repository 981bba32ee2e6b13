using System.Security.Cryptography;
using System.Text;
using MlsConsole.Mls;

namespace MlsConsole.Clients.Native;

/// <summary>Opens a client from <c>mls_client_options</c>.</summary>
internal static unsafe class Opening
{
    private const int LongestToken = 8192;

    /// <returns>The handle.</returns>
    public static nint Open(OptionsAbi* given)
    {
        if (given is null)
            throw new InvalidArgumentException("options is missing.");
        // Later versions add options at the end: a smaller structure is then that of a caller who does not know those
        // options.
        if (given->Size != (nuint)sizeof(OptionsAbi))
            throw new InvalidArgumentException(
                $"options.size is {given->Size}, and {sizeof(OptionsAbi)} in this version."
            );
        var service =
            Uri.TryCreate(Arguments.Required(given->ServiceUrl, "service_url"), UriKind.Absolute, out var address)
            && address.Scheme is "http" or "https"
                ? address
                : throw new InvalidArgumentException("service_url is no address of http or https.");
        string serviceDid = Arguments.Required(given->ServiceDid, "service_did"),
            deviceId = Arguments.Required(given->DeviceId, "device_id");
        string? did = Arguments.Text(given->Did, "did"),
            deviceName = Arguments.Text(given->DeviceName, "device_name"),
            path = Arguments.Text(given->StorePath, "store_path");
        RequireConsistent(given, deviceId, did);
        var accountKey = given->AccountKey is null ? null : Key(given);
        MlsStore? store = null;
        try
        {
            store = path is null
                ? new MemoryStore()
                : new SqliteStore(path, Arguments.Key(given->StoreKey, given->StoreKeyLength, "store_key"));
            var events = new EventQueue();
            var options = new MlsClientOptions
            {
                Service = service,
                ServiceDid = serviceDid,
                Did = did ?? accountKey!.DidKey,
                DeviceId = deviceId,
                DeviceName = deviceName,
                Store = store,
                Tokens = accountKey?.Tokens(did) ?? Tokens(given->TokenSource, given->Context),
                OnMessage = given->OnMessage is null
                    ? (message, _) => KeepAsync(events, message)
                    : Tell(given->OnMessage, given->Context),
                VerifyCredential = given->VerifyCredential is null
                    ? null
                    : Verify(given->VerifyCredential, given->Context),
            };
            if (given->CipherSuite != 0)
                options.CipherSuite = (ushort)given->CipherSuite;
            return OpenClient.Add(new(options), options.Did, accountKey, events);
        }
        catch
        {
            accountKey?.Dispose();
            store?.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    private static void RequireConsistent(OptionsAbi* given, string deviceId, string? did)
    {
        if (deviceId.Contains('#', StringComparison.Ordinal))
            throw new InvalidArgumentException("device_id has a '#'.");
        if (given->CipherSuite is < 0 or > ushort.MaxValue)
            throw new InvalidArgumentException("cipher_suite is none.");
        if ((given->TokenSource is null) == (given->AccountKey is null))
            throw new InvalidArgumentException("Either token_source or account_key is needed.");
        if (given->AccountKey is null && did is null)
            throw new InvalidArgumentException("did is missing.");
    }

    private static AccountKey Key(OptionsAbi* given)
    {
        var key = Arguments.Key(given->AccountKey, given->AccountKeyLength, "account_key");
        try
        {
            return given->AccountKeyCurve switch
            {
                1 => AccountKey.P256(key),
                2 => AccountKey.K256(key),
                _ => throw new InvalidArgumentException("account_key_curve is neither MLS_P256 nor MLS_K256."),
            };
        }
        catch (CryptographicException)
        {
            throw new InvalidArgumentException("account_key is no private key of its curve.");
        }
    }

    private static ServiceTokenSource Tokens(
        delegate* unmanaged[Cdecl]<void*, byte*, byte*, byte*, nuint, int> source,
        void* context
    ) =>
        (audience, method, _) =>
        {
            byte[] forWhom = Encoding.UTF8.GetBytes(audience + '\0'),
                forWhat = Encoding.UTF8.GetBytes(method + '\0'),
                token = new byte[LongestToken];
            try
            {
                int length;
                using (Call.InsideCallback())
                    fixed (
                        byte* one = forWhom,
                            two = forWhat,
                            three = token
                    )
                        length = source(context, one, two, three, LongestToken);
                return length is > 0 and <= LongestToken
                    ? ValueTask.FromResult(Encoding.ASCII.GetString(token, 0, length))
                    : throw new CallbackFailedException($"token_source gave no token for {method}.");
            }
            finally
            {
                CryptographicOperations.ZeroMemory(token);
            }
        };

    private static Func<IncomingMessage, CancellationToken, ValueTask> Tell(
        delegate* unmanaged[Cdecl]<void*, MessageAbi*, int> handler,
        void* context
    ) =>
        (message, _) =>
        {
            var block = new Block(message.Room());
            try
            {
                int answer;
                using (Call.InsideCallback())
                    answer = handler(context, message.Put(ref block));
                return answer == 0 ? default : throw new CallbackFailedException($"on_message answered {answer}.");
            }
            finally
            {
                Block.Free(block.Start);
            }
        };

    private static ValueTask KeepAsync(EventQueue events, IncomingMessage message)
    {
        events.Add(message);
        return default;
    }

    private static CredentialVerifier Verify(
        delegate* unmanaged[Cdecl]<void*, byte*, nuint, byte*, nuint, int> verifier,
        void* context
    ) =>
        (credential, signatureKey, _) =>
        {
            // The callback is given an identity, which only a basic credential has.
            if (credential.Type != CredentialType.Basic)
                return false;
            using (Call.InsideCallback())
                fixed (
                    byte* identity = credential.Identity.Span,
                        key = signatureKey.Span
                )
                    return verifier(
                            context,
                            identity,
                            (nuint)credential.Identity.Length,
                            key,
                            (nuint)signatureKey.Length
                        ) == 1;
        };
}
