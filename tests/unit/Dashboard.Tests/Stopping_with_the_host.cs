using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using MlsConsole.Core;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;
using MlsConsole.Dashboard.Layout;
using MlsConsole.Dashboard.Overview;
using MlsConsole.Dashboard.People;

namespace MlsConsole.Dashboard.Tests;

/// <summary>
/// A circuit outlives the stop of the host for a moment. A component that draws by a timer must not use the services
/// any more, because they are disposed meanwhile.
/// </summary>
public class Stopping_with_the_host : BunitContext
{
    private readonly FakeTimeProvider _clock = new();
    private readonly Lifetime _host = new();

    public Stopping_with_the_host()
    {
        string noDatabase = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}", "none.db");
        Services.AddSingleton<TimeProvider>(_clock);
        Services.AddSingleton<IHostApplicationLifetime>(_host);
        Services.AddSingleton(new ConsoleEnvironment("Test"));
        Services.AddCore(Database.Sqlite($"Data Source={noDatabase}"), new CoreSettings());
        Services.AddRollouts();
        this.AddAuthorization().SetAuthorized("anna");
        Services.AddScoped<CurrentActor>();
    }

    [Fact]
    public Task The_status_strip_draws_no_more() => DrawsNoMore<StatusStrip>();

    [Fact]
    public Task The_overview_draws_no_more() => DrawsNoMore<OverviewPage>();

    private async Task DrawsNoMore<TComponent>()
        where TComponent : IComponent
    {
        var drawn = Render<TComponent>();
        int before = drawn.RenderCount;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await drawn.WaitForStateAsync(() => drawn.RenderCount > before);

        _host.StopApplication();
        before = drawn.RenderCount;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<Bunit.Extensions.WaitForHelpers.WaitForFailedException>(() =>
            drawn.WaitForStateAsync(() => drawn.RenderCount > before, TimeSpan.FromMilliseconds(200))
        );
    }

    private sealed class Lifetime : IHostApplicationLifetime
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => _stopping.Cancel();
    }
}
