using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;

namespace MlsConsole.Host.People;

/// <summary>
/// Who is in front of a live page. When the session ends, nobody is any more: the page then leaves for the sign-in
/// page by itself.
/// </summary>
internal sealed class SessionStateProvider : ServerAuthenticationStateProvider, IDisposable
{
    private static readonly Task<AuthenticationState> s_nobody = Task.FromResult(
        new AuthenticationState(new ClaimsPrincipal(new ClaimsIdentity()))
    );

    private readonly OpenConnections _connections;
    private IDisposable? _watch;

    public SessionStateProvider(OpenConnections connections)
    {
        _connections = connections;
        AuthenticationStateChanged += Follow;
    }

    public void Dispose()
    {
        AuthenticationStateChanged -= Follow;
        _watch?.Dispose();
    }

    private async void Follow(Task<AuthenticationState> state)
    {
        ClaimsPrincipal user = (await state).User;
        _watch?.Dispose();
        _watch = _connections.Watch(user, () => SetAuthenticationState(s_nobody));
    }
}
