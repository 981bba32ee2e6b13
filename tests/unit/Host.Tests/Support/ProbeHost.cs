using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlsConsole.Core.Activity;
using MlsConsole.Core.Audit;
using MlsConsole.Core.Identity;
using MlsConsole.Core.RateLimits;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;
using MlsConsole.Host.Startup;
using MlsConsole.Host.Xrpc;

namespace MlsConsole.Host.Tests;

/// <summary>
/// The XRPC boundary on Kestrel, with methods that do what a test tells them and no feature behind them.
/// </summary>
public sealed class ProbeHost : IAsyncLifetime
{
    public const string Ask = "com.example.probe.ask";
    public const string Tell = "com.example.probe.tell";
    public const int BodyLimit = 64 * 1024;

    private readonly string _folder = Directory.CreateTempSubdirectory("mlsconsole-probe-").FullName;
    private readonly string _connection;
    private readonly TimeProvider _clock;
    private readonly string[] _settings;
    private WebApplication? _app;

    public ProbeHost()
        : this(null, null, "--RateLimits:Enabled=false") { }

    /// <param name="database">Another host, for a second one over its database.</param>
    /// <param name="clock">Null for the system's.</param>
    /// <param name="settings">As on a command line.</param>
    internal ProbeHost(ProbeHost? database, TimeProvider? clock, params string[] settings)
    {
        _connection = database?._connection ?? $"Data Source={Path.Combine(_folder, "probe.db")};Pooling=False";
        (_clock, _settings) = (clock ?? TimeProvider.System, settings);
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>What the methods throw, if anything.</summary>
    public Exception? Fault { get; set; }

    public List<string> Log { get; } = [];

    internal ActivityFeed Feed => _app!.Services.GetRequiredService<ActivityFeed>();

    public async Task InitializeAsync()
    {
        WebApplicationBuilder builder = HostBuilding.CreateBuilder([
            "--environment=Development",
            "--urls=http://127.0.0.1:0",
            .. _settings,
        ]);
        builder.Logging.ClearProviders().AddProvider(new ListLogs(Log));
        builder.AddListeners();
        builder.AddIdentity();
        builder.Services.AddSingleton(_clock);
        builder.Services.AddSingleton(Database.Sqlite(_connection));
        builder.Services.AddSingleton<AuditLog>();
        builder.Services.AddSingleton<TokenReplay>();
        builder.Services.AddSingleton<RateWindows>();
        builder.Services.AddSingleton<XrpcMethod>(new AskMethod(this));
        builder.Services.AddSingleton<XrpcMethod>(new TellMethod(this));
        builder.Services.AddRollouts();
        builder.Services.AddXrpc();
        _app = builder.Build();
        _app.UseXrpc();
        await using (MlsDbContext context = _app.Services.GetRequiredService<Database>().Read())
            await context.Database.EnsureCreatedAsync();
        await _app.StartAsync();
        Address = new Uri(_app.Urls.Single());
    }

    public async Task DisposeAsync()
    {
        await _app!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private sealed class AskMethod(ProbeHost host) : XrpcQuery(Ask)
    {
        public override Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call)
        {
            (call.ConvoId, call.Epoch) = ("convo", 7);
            if (host.Fault is { } fault)
                throw fault;
            return Task.FromResult<ReadOnlyMemory<byte>>(
                Encoding.UTF8.GetBytes($$"""{"caller":"{{call.Caller.Did}}"}""")
            );
        }
    }

    private sealed class TellMethod(ProbeHost host) : XrpcProcedure(Tell, BodyLimit)
    {
        public override async Task<ReadOnlyMemory<byte>> InvokeAsync(XrpcCall call)
        {
            ReadOnlyMemory<byte> body = await ReadBodyAsync(call);
            if (host.Fault is { } fault)
                throw fault;
            return Encoding.UTF8.GetBytes($$"""{"length":{{body.Length}}}""");
        }
    }

    private sealed class ListLogs(List<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (!IsEnabled(logLevel))
                return;
            lock (lines)
                lines.Add($"{formatter(state, exception)} {exception}");
        }

        public void Dispose() { }
    }
}
