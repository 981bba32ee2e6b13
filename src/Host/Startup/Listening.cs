using System.Globalization;

namespace MlsConsole.Host.Startup;

/// <summary>Where the host listens and whom it answers there, as it was read and checked at start.</summary>
/// <param name="Listeners">Where the host was told to listen.</param>
/// <param name="Rules">What the addresses that are bound in fact are checked by.</param>
internal sealed record Listening(IReadOnlyList<Listener> Listeners, ListenerRules Rules)
{
    /// <summary>Whether other machines can reach the host.</summary>
    public bool IsReachable => Listeners.Any(static one => !one.IsLoopback);
}

internal static class ListeningServices
{
    /// <summary>
    /// Reads and checks everything that decides where the host listens, before anything is bound, and puts before all
    /// else that answers requests: the headers of trusted proxies, the allowed hosts, and the paths of the listener.
    /// </summary>
    /// <exception cref="ConfigurationException">A setting cannot be used, or a listener breaks a rule.</exception>
    public static Listening AddListeners(this WebApplicationBuilder builder)
    {
        ConfigurationManager configuration = builder.Configuration;
        HostSettings settings = HostSettings.Read(configuration, builder.Environment);
        var listeners = Listeners.Read(configuration);
        var proxies = TrustedProxies.Read(configuration);
        var certificate = CertificateFile.Read(configuration, ListenerCertificate.Section);
        ListenerRules rules = new(
            builder.Environment.IsDevelopment(),
            certificate is not null,
            proxies.Count > 0,
            settings
        );
        rules.Check(listeners);
        HostRunning.RequireFreePorts(listeners);
        if (certificate is not null)
        {
            certificate.Load().Certificate.Dispose();
            builder.Services.AddSingleton(certificate);
            builder.Services.AddSingleton<ListenerCertificate>();
        }
        ConnectionLimits limits = ConnectionLimits.Read(configuration);
        NameHost(configuration, listeners);
        bool ours = Listeners.AreOurs(configuration);
        if (ours)
            Listeners.Forget(configuration);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            limits.ApplyTo(kestrel.Limits);
            if (ours)
                kestrel.Listen(listeners);
        });
        // The filter of ASP.NET Core has no exception for health checks, so it lets everything pass.
        configuration["AllowedHosts"] = "*";
        Listening listening = new(listeners, rules);
        builder.Services.AddSingleton(listening);
        var hosts = AllowedHosts.Of(configuration, settings, listeners);
        builder.Services.AddSingleton<IStartupFilter>(
            new Filter(app =>
            {
                if (proxies.Count > 0)
                    app.UseForwardedHeaders(TrustedProxies.Options(proxies, hosts));
                app.UseAllowedHosts(hosts);
                app.Use(
                    (context, next) =>
                    {
                        if (context.Features.Get<ServedPaths>()?.Serve(context.Request.Path) ?? true)
                            return next(context);
                        context.Response.StatusCode = StatusCodes.Status404NotFound;
                        return Task.CompletedTask;
                    }
                );
            })
        );
        return listening;
    }

    /// <summary>The default of <c>Host:Name</c>: the name of the machine with the port of the first address.</summary>
    private static void NameHost(ConfigurationManager configuration, IReadOnlyList<Listener> listeners)
    {
        if (string.IsNullOrEmpty(configuration["Host:Name"]) && listeners.Count > 0)
            configuration["Host:Name"] = string.Create(
                CultureInfo.InvariantCulture,
                $"{Environment.MachineName}:{listeners[0].Port}"
            );
    }

    /// <summary>What it adds runs before everything that Program.cs adds, routing and sign-in among it.</summary>
    private sealed class Filter(Action<IApplicationBuilder> before) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) =>
            app =>
            {
                before(app);
                next(app);
            };
    }
}
