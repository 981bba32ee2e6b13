using Microsoft.AspNetCore.Authorization;
using MlsConsole.Core;

namespace MlsConsole.Dashboard.People;

/// <summary>The policies of pages and endpoints: one for each role, met by that role and by higher ones.</summary>
public static class ConsolePolicies
{
    public const string Viewer = nameof(ConsoleRole.Viewer),
        Operator = nameof(ConsoleRole.Operator),
        Approver = nameof(ConsoleRole.Approver),
        Admin = nameof(ConsoleRole.Admin);

    /// <summary>The rate limiter's policy for everything by which somebody can guess.</summary>
    public const string SignInRate = "sign-in";

    public static void AddTo(AuthorizationOptions options)
    {
        foreach (ConsoleRole role in Enum.GetValues<ConsoleRole>())
            options.AddPolicy(role.ToString(), policy => Require(policy, role));
        options.DefaultPolicy = options.GetPolicy(Viewer)!;
    }

    /// <summary>Demands a signed-in person, or a token, with at least this role.</summary>
    public static void Require(AuthorizationPolicyBuilder policy, ConsoleRole role) =>
        policy
            .RequireAuthenticatedUser()
            .RequireAssertion(context => ConsolePrincipal.ActorOf(context.User)?.May(role) == true);
}
