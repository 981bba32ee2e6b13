using MlsConsole.Core.ExternalSenders;
using MlsConsole.Core.Membership;
using MlsConsole.Core.People;
using MlsConsole.Core.Rollouts;

namespace MlsConsole.Core.Tests;

/// <summary>Every command of the console, as each role: those below the least role get nothing but a refusal.</summary>
public sealed class Roles_of_commands
{
    private static readonly Did s_stranger = Did.Parse("did:web:stranger.example.com");

    /// <summary>Each command with the least role that may give it.</summary>
    public static TheoryData<string, ConsoleRole> Commands { get; } =
        new()
        {
            { "flag up", ConsoleRole.Approver },
            { "flag down", ConsoleRole.Operator },
            { "flag off", ConsoleRole.Operator },
            { "ban", ConsoleRole.Admin },
            { "unban", ConsoleRole.Admin },
            { "rotate", ConsoleRole.Admin },
            { "list people", ConsoleRole.Admin },
            { "invite", ConsoleRole.Admin },
            { "reset", ConsoleRole.Admin },
            { "role", ConsoleRole.Admin },
            { "disable", ConsoleRole.Admin },
            { "remove", ConsoleRole.Admin },
            { "list tokens", ConsoleRole.Admin },
            { "make token", ConsoleRole.Admin },
            { "revoke token", ConsoleRole.Admin },
        };

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task A_command_is_refused_to_every_lower_role_and_changes_nothing_then(
        string command,
        ConsoleRole least
    )
    {
        await using Service service = await Service.StartAsync();
        OpenSession person = await Signing_in.PersonAsync(service, "ben", ConsoleRole.Viewer);
        await service.Get<ApiTokens>().MakeAsync(Actor.CommandLine, "ci", ConsoleRole.Viewer, 1, default);
        ApiTokenView token = Assert.Single(await service.Get<ApiTokens>().ListAsync(Actor.CommandLine, default));
        await service.Get<ExternalCommitsFlag>().SetAsync(FlagState.Percentage, 50, "x", Actor.CommandLine, null);
        foreach (ConsoleRole role in Enum.GetValues<ConsoleRole>().Order())
        {
            Actor actor = new("somebody", role);
            if (role < least)
            {
                string before = await service.StateAsync();
                await Signing_in.RefusedAsync(ConsoleRefusals.ForbiddenError, () => Give(actor));
                Assert.Equal(before, await service.StateAsync());
                continue;
            }
            await Give(actor);
            return;
        }

        Task Give(Actor actor) =>
            command switch
            {
                "flag up" => service.Get<ExternalCommitsFlag>().SetAsync(FlagState.Percentage, 51, "x", actor, null),
                "flag down" => service.Get<ExternalCommitsFlag>().SetAsync(FlagState.Percentage, 49, "x", actor, null),
                "flag off" => service.Get<ExternalCommitsFlag>().SetAsync(FlagState.Off, 0, "x", actor, null),
                "ban" => service.Get<Bans>().BanAccountAsync(actor, s_stranger, null, default),
                "unban" => service.Get<Bans>().UnbanAccountAsync(actor, s_stranger, null, default),
                "rotate" => service.Get<SignatureKeys>().RotateAsync(actor, "test", default),
                "list people" => service.Get<PeopleAdministration>().ListAsync(actor, default),
                "invite" => service.Get<PeopleAdministration>().InviteAsync(actor, "eve", ConsoleRole.Admin, default),
                "reset" => service.Get<PeopleAdministration>().ResetAsync(actor, person.UserId, default),
                "role" => service
                    .Get<PeopleAdministration>()
                    .SetRoleAsync(actor, person.UserId, ConsoleRole.Admin, default),
                "disable" => service
                    .Get<PeopleAdministration>()
                    .SetDisabledAsync(actor, person.UserId, disabled: true, default),
                "remove" => service.Get<PeopleAdministration>().RemoveAsync(actor, person.UserId, default),
                "list tokens" => service.Get<ApiTokens>().ListAsync(actor, default),
                "make token" => service.Get<ApiTokens>().MakeAsync(actor, "new", ConsoleRole.Admin, 1, default),
                "revoke token" => service.Get<ApiTokens>().RevokeAsync(actor, token.Id, default),
                _ => throw new ArgumentException(command, nameof(command)),
            };
    }

    /// <summary>Whatever takes an actor is in the table above, so that nobody adds a command without a role.</summary>
    [Fact]
    public void Every_command_that_takes_an_actor_is_in_the_table()
    {
        string[] commands =
        [
            .. typeof(Actor)
                .Assembly.GetTypes()
                .Where(type => type.IsPublic && type != typeof(Actor))
                .SelectMany(type => type.GetMethods())
                .Where(method => method.GetParameters().Any(parameter => parameter.ParameterType == typeof(Actor)))
                .Where(method => method.DeclaringType == method.ReflectedType && !method.IsSpecialName)
                .Select(method => $"{method.DeclaringType!.Name}.{method.Name}")
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(
            [
                "ApiTokens.ListAsync",
                "ApiTokens.MakeAsync",
                "ApiTokens.RevokeAsync",
                "Bans.BanAccountAsync",
                "Bans.UnbanAccountAsync",
                "ExternalCommitsFlag.SetAsync",
                "PeopleAdministration.InviteAsync",
                "PeopleAdministration.ListAsync",
                "PeopleAdministration.RemoveAsync",
                "PeopleAdministration.ResetAsync",
                "PeopleAdministration.SetDisabledAsync",
                "PeopleAdministration.SetRoleAsync",
                // These two are for everybody's own sessions, and for an admin everybody's (Signing_in).
                "Sessions.EndAsync",
                "Sessions.ListAsync",
                "SignatureKeys.RotateAsync",
            ],
            commands
        );
    }
}
