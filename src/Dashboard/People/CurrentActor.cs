using Microsoft.AspNetCore.Components.Authorization;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Dashboard.People;

/// <summary>The person in front of a live page, as the actor of commands.</summary>
internal sealed class CurrentActor(AuthenticationStateProvider state, Sessions sessions)
{
    /// <summary>Who is there, with the role that the person has now and not when the page was opened.</summary>
    /// <exception cref="RefusedException">Forbidden: the session has ended.</exception>
    public async Task<Actor> RequireAsync()
    {
        OpenSession? session = ConsolePrincipal.SessionOf((await state.GetAuthenticationStateAsync()).User);
        session = session is null ? null : await sessions.FindAsync(session.Id, CancellationToken.None);
        return session?.Actor ?? throw ConsoleRefusals.Forbidden(ConsoleRole.Viewer).AsException();
    }
}
