using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace MlsConsole.TestKit;

/// <summary>Loopback ports for servers that are started, killed and started again.</summary>
public static class FreePorts
{
    private static readonly ConcurrentDictionary<int, bool> s_given = new();

    /// <summary>
    /// A port that nobody listens on and that nobody else in this process was given. Below 32768: above, a connection
    /// of anybody's may take it as its own end while the server is down.
    /// </summary>
    public static int Next()
    {
        while (true)
        {
            int port = Random.Shared.Next(20000, 32000);
            if (!s_given.TryAdd(port, true))
                continue;
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
    }
}
