using System.Globalization;
using MlsConsole.Core;
using MlsConsole.Core.People;
using MlsConsole.Core.Storage;
using MlsConsole.Dashboard.People;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The commands <c>admin-link</c>, which prints a link that makes another admin, also when all admins are locked out,
/// and <c>api-token NAME</c>, which prints a new API token.
/// </summary>
internal static class PeopleCommands
{
    public const string AdminLink = "admin-link",
        ApiToken = "api-token";

    /// <summary>Prints a link that makes an admin.</summary>
    public static async Task<int> PrintAdminLinkAsync(
        Database database,
        IConfiguration configuration,
        TextWriter output
    )
    {
        await using ServiceProvider services = Services(database);
        string token = await services
            .GetRequiredService<OneTimeLinks>()
            .MakeForAdminAsync(LinkPurpose.Admin, CancellationToken.None);
        string address = configuration["Console:PublicUrl"] is { Length: > 0 } url ? url : "http://localhost:5080";
        await output.WriteLineAsync(ConsoleAddress.LinkOf(new Uri(address), token));
        return 0;
    }

    /// <summary>Prints a new API token.</summary>
    /// <param name="database">A database of the current schema.</param>
    /// <param name="args">What follows the command's name.</param>
    /// <param name="options"><c>--role</c> (Viewer unless given) and <c>--days</c> (90 unless given).</param>
    /// <param name="output">Gets the token.</param>
    /// <exception cref="ConfigurationException">The arguments cannot be used, or the name is taken.</exception>
    public static async Task<int> PrintApiTokenAsync(
        Database database,
        string[] args,
        IConfiguration options,
        TextWriter output
    )
    {
        if (args is not [var name, ..])
            throw new ConfigurationException(ApiToken, "must be followed by a name for the token.");
        if (!Enum.TryParse(options["role"] ?? nameof(ConsoleRole.Viewer), ignoreCase: true, out ConsoleRole role))
            throw new ConfigurationException("role", "must be Viewer, Operator, Approver or Admin.");
        if (!int.TryParse(options["days"] ?? "90", NumberStyles.None, CultureInfo.InvariantCulture, out int days))
            throw new ConfigurationException("days", "must be a number.");
        await using ServiceProvider services = Services(database);
        try
        {
            await output.WriteLineAsync(
                await services
                    .GetRequiredService<ApiTokens>()
                    .MakeAsync(Actor.CommandLine, name, role, days, CancellationToken.None)
            );
            return 0;
        }
        catch (RefusedException refused)
        {
            throw new ConfigurationException(ApiToken, $"is refused: {refused.Refusal.Message}");
        }
    }

    private static ServiceProvider Services(Database database) =>
        new ServiceCollection().AddLogging().AddCore(database, new CoreSettings()).BuildServiceProvider();
}
