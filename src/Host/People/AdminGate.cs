using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Endpoints;
using MlsConsole.Core;
using MlsConsole.Core.People;

namespace MlsConsole.Host.People;

/// <summary>
/// As long as nobody can sign in as an admin, the console serves no page but the one that says how the first admin is
/// made, and the links that make one.
/// </summary>
internal sealed class AdminGate(RequestDelegate next, OneTimeLinks links, PeopleSettings settings)
{
    private static readonly string[] s_open = ["/first-admin", "/link", "/demo"];

    // Once there is an admin there always is one: the last one cannot be removed.
    // A provider that makes admins makes the first one, too.
    private volatile bool _hasAdmin = settings.Provider?.Roles.Values.Contains(ConsoleRole.Admin) == true;

    public async Task InvokeAsync(HttpContext context)
    {
        if (!_hasAdmin && IsPage(context) && !(_hasAdmin = await links.IsThereAnAdminAsync(context.RequestAborted)))
            context.Response.Redirect("/first-admin");
        else
            await next(context);
    }

    private static bool IsPage(HttpContext context) =>
        context.GetEndpoint()?.Metadata is { } metadata
        && (
            metadata.GetMetadata<ComponentTypeMetadata>() is not null
            || (metadata.GetMetadata<IAuthorizeData>() is not null && metadata.GetMetadata<IAllowAnonymous>() is null)
        )
        && !Array.Exists(s_open, path => context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal))
        && !context.Request.Path.StartsWithSegments("/api", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/metrics", StringComparison.Ordinal)
        && !context.Request.Path.StartsWithSegments("/hubs", StringComparison.Ordinal);
}
