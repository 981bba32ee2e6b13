using System.Text.Json.Serialization;
using MlsConsole.Core;
using MlsConsole.Core.Audit;
using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Figures;
using MlsConsole.Core.Membership;
using MlsConsole.Core.People;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;
using MlsConsole.Dashboard.People;
using MlsConsole.Host.Live;

namespace MlsConsole.Host.Api;

/// <summary>
/// The console's commands for scripts, under <c>/api</c>: the same commands of Core as the pages give, which ask for
/// the role themselves. Only API tokens are taken, never a cookie, so that no page of another site can give a command.
/// </summary>
internal static class ConsoleApi
{
    public static void AddConsoleApi(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(static options =>
            options.SerializerOptions.Converters.Add(new JsonStringEnumConverter())
        );
        services.AddOpenApi(
            "v1",
            static options =>
            {
                options.ShouldInclude = static description =>
                    description.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
                options.AddDocumentTransformer(
                    static (document, _, _) =>
                    {
                        document.Info.Title = "MlsConsole";
                        document.Info.Description = "The commands of the console. Authorization: Bearer, an API token.";
                        return Task.CompletedTask;
                    }
                );
            }
        );
    }

    public static void MapConsoleApi(this IEndpointRouteBuilder endpoints)
    {
        RouteGroupBuilder api = endpoints
            .MapGroup("/api")
            .RequireAuthorization(static policy =>
            {
                policy.AddAuthenticationSchemes(ConsolePrincipal.TokenScheme);
                ConsolePolicies.Require(policy, ConsoleRole.Viewer);
            })
            .AddEndpointFilter(AnswerRefusalsAsync);
        api.MapOpenApi("/openapi.json");

        MapService(api);
        MapPeople(api);
        MapTokens(api);
    }

    /// <summary>The flag, the figures, the audit log, bans and keys.</summary>
    private static void MapService(RouteGroupBuilder api)
    {
        api.MapGet(
                "/flag",
                static (ExternalCommitsFlag flag, CancellationToken cancellation) => flag.ReadAsync(cancellation)
            )
            .WithSummary("The external commits flag.");
        api.MapPut("/flag", SetFlagAsync).WithSummary("Changes the flag: down takes an operator, up an approver.");
        api.MapGet(
                "/figures",
                static (LiveFigures figures) => LiveOverview.Of(figures.Snapshot(FigureRange.FiveMinutes))
            )
            .WithSummary("External commits of the last five minutes.");
        api.MapGet("/audit", ExportAudit).WithSummary("The whole audit log, one JSON object a line.");
        api.MapPut("/bans/{did}", BanAsync).WithSummary("Bans an account from the service. Takes an admin.");
        api.MapDelete("/bans/{did}", UnbanAsync).WithSummary("Ends a ban from the service. Takes an admin.");
        api.MapPost(
                "/signature-keys/rotate",
                static (HttpContext http, SignatureKeys keys) =>
                    keys.RotateAsync(ActorOf(http), Guid.NewGuid().ToString("N"), CancellationToken.None)
            )
            .WithSummary("Gives the service new signature keys. Takes an admin.");
    }

    /// <summary>People and their sessions.</summary>
    private static void MapPeople(RouteGroupBuilder api)
    {
        api.MapGet(
                "/people",
                static (HttpContext http, PeopleAdministration people, CancellationToken cancellation) =>
                    people.ListAsync(ActorOf(http), cancellation)
            )
            .WithSummary("Who may sign in. Takes an admin.");
        api.MapPost("/people", InviteAsync).WithSummary("Invites a person. Takes an admin.");
        api.MapPut(
                "/people/{id}/role",
                static (HttpContext http, string id, RoleInput input, PeopleAdministration people) =>
                    DoneAsync(people.SetRoleAsync(ActorOf(http), id, input.Role, CancellationToken.None))
            )
            .WithSummary("Gives a person another role. Takes an admin.");
        api.MapPut(
                "/people/{id}/disabled",
                static (HttpContext http, string id, DisabledInput input, PeopleAdministration people) =>
                    DoneAsync(people.SetDisabledAsync(ActorOf(http), id, input.Disabled, CancellationToken.None))
            )
            .WithSummary("Forbids a person to sign in, or allows it again. Takes an admin.");
        api.MapPost("/people/{id}/reset", ResetAsync)
            .WithSummary("Makes a link by which a person chooses another password. Takes an admin.");
        api.MapDelete(
                "/people/{id}",
                static (HttpContext http, string id, PeopleAdministration people) =>
                    DoneAsync(people.RemoveAsync(ActorOf(http), id, CancellationToken.None))
            )
            .WithSummary("Removes a person. Takes an admin.");

        api.MapGet(
                "/sessions",
                static (HttpContext http, Sessions sessions, CancellationToken cancellation) =>
                    sessions.ListAsync(ActorOf(http), userId: null, cancellation)
            )
            .WithSummary("The open sessions of people. Takes an admin.");
        api.MapDelete(
                "/sessions/{id}",
                static (HttpContext http, string id, Sessions sessions) =>
                    DoneAsync(sessions.EndAsync(ActorOf(http), id, CancellationToken.None))
            )
            .WithSummary("Ends a session. Takes an admin.");
    }

    private static void MapTokens(RouteGroupBuilder api)
    {
        api.MapGet(
                "/tokens",
                static (HttpContext http, ApiTokens tokens, CancellationToken cancellation) =>
                    tokens.ListAsync(ActorOf(http), cancellation)
            )
            .WithSummary("The API tokens. Takes an admin.");
        api.MapPost("/tokens", MakeTokenAsync).WithSummary("Makes an API token. Takes an admin.");
        api.MapDelete(
                "/tokens/{id}",
                static (HttpContext http, string id, ApiTokens tokens) =>
                    DoneAsync(tokens.RevokeAsync(ActorOf(http), id, CancellationToken.None))
            )
            .WithSummary("Revokes an API token. Takes an admin.");
    }

    private static Actor ActorOf(HttpContext http) =>
        ConsolePrincipal.ActorOf(http.User) ?? throw ConsoleRefusals.Forbidden(ConsoleRole.Viewer).AsException();

    private static async Task<IResult> DoneAsync(Task command)
    {
        await command;
        return Results.NoContent();
    }

    private static async Task<FlagView> SetFlagAsync(HttpContext http, FlagInput input, ExternalCommitsFlag flag) =>
        await flag.SetAsync(input.State, input.Percentage, input.Reason ?? "", ActorOf(http), input.Version);

    private static IResult ExportAudit(HttpContext http, Database database) =>
        Results.Stream(
            async output =>
            {
                await using StreamWriter writer = new(output, leaveOpen: true);
                await AuditVerifier.ExportAsync(database, writer, http.RequestAborted);
            },
            "application/x-ndjson"
        );

    private static async Task<LinkOutput> InviteAsync(
        HttpContext http,
        PersonInput input,
        PeopleAdministration people,
        ConsoleAddress address
    ) =>
        new(
            address.LinkOf(
                await people.InviteAsync(ActorOf(http), input.UserName ?? "", input.Role, CancellationToken.None),
                http
            )
        );

    private static async Task<LinkOutput> ResetAsync(
        HttpContext http,
        string id,
        PeopleAdministration people,
        ConsoleAddress address
    ) => new(address.LinkOf(await people.ResetAsync(ActorOf(http), id, CancellationToken.None), http));

    private static async Task<TokenOutput> MakeTokenAsync(HttpContext http, TokenInput input, ApiTokens tokens) =>
        new(await tokens.MakeAsync(ActorOf(http), input.Name ?? "", input.Role, input.Days, CancellationToken.None));

    private static async Task<IResult> BanAsync(HttpContext http, string did, BanInput input, Bans bans) =>
        Results.Ok(new BanOutput(await bans.BanAccountAsync(ActorOf(http), Parse(did), input.Reason, default)));

    private static async Task<IResult> UnbanAsync(HttpContext http, string did, Bans bans) =>
        Results.Ok(new BanOutput(await bans.UnbanAccountAsync(ActorOf(http), Parse(did), reason: null, default)));

    private static Did Parse(string text) =>
        Did.TryParse(text, out Did did) ? did : throw Refusal.InvalidRequest("This is no DID.").AsException();

    /// <summary>Answers what Core refuses as <c>{"error", "message"}</c>, like the methods of XRPC.</summary>
    private static async ValueTask<object?> AnswerRefusalsAsync(
        EndpointFilterInvocationContext context,
        EndpointFilterDelegate next
    )
    {
        try
        {
            return await next(context);
        }
        catch (FlagOvertakenException overtaken)
        {
            return Answer(overtaken.Refusal);
        }
        catch (RefusedException refused)
        {
            return Answer(refused.Refusal);
        }
    }

    private static IResult Answer(Refusal refusal) =>
        Results.Json(
            new ErrorOutput(refusal.Error, refusal.Message),
            statusCode: refusal.Error switch
            {
                ConsoleRefusals.ForbiddenError => StatusCodes.Status403Forbidden,
                ConsoleRefusals.NotFoundError => StatusCodes.Status404NotFound,
                ConsoleRefusals.NameTakenError
                or ConsoleRefusals.LastConsoleAdminError
                or RequestOutcomes.VersionMismatch => StatusCodes.Status409Conflict,
                _ => StatusCodes.Status400BadRequest,
            }
        );

    internal sealed record FlagInput(FlagState State, int Percentage, string? Reason, long? Version);

    internal sealed record PersonInput(string? UserName, ConsoleRole Role);

    internal sealed record RoleInput(ConsoleRole Role);

    internal sealed record DisabledInput(bool Disabled);

    internal sealed record TokenInput(string? Name, ConsoleRole Role, int Days);

    internal sealed record BanInput(string? Reason);

    internal sealed record LinkOutput(string Link);

    internal sealed record TokenOutput(string Token);

    internal sealed record BanOutput(bool Changed);

    internal sealed record ErrorOutput(string Error, string Message);
}
