using System.Globalization;
using MlsConsole.Core;
using MlsConsole.Core.Rollouts;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Startup;

/// <summary>
/// The command <c>flag show | off | on | percent N</c>, by which the operator reads and changes the external commits
/// flag on the database alone. Hosts that run on the database follow the change within a second.
/// </summary>
internal static class FlagCommand
{
    public const string Name = "flag";

    /// <summary>The exit code of a change that another author's change has overtaken.</summary>
    public const int Overtaken = 2;

    /// <param name="database">A database of the current schema.</param>
    /// <param name="args">What follows the command's name.</param>
    /// <param name="options"><c>--reason</c> and <c>--version</c>.</param>
    /// <param name="output">Gets one line: the state that is stored after the command.</param>
    /// <returns>0 if the command was done, <see cref="Overtaken"/> if another version is stored.</returns>
    /// <exception cref="ConfigurationException">The arguments or the database cannot be used.</exception>
    public static async Task<int> RunAsync(Database database, string[] args, IConfiguration options, TextWriter output)
    {
        (FlagState State, int Percentage)? wanted = Parse(args);
        long? version = VersionOf(options["version"]);
        await using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddCore(database, new CoreSettings())
            .AddRollouts()
            .BuildServiceProvider();
        ExternalCommitsFlag flag = services.GetRequiredService<ExternalCommitsFlag>();
        FlagView stored = await ReadAsync(flag);
        if (wanted is not { } change)
        {
            await output.WriteLineAsync(Story(stored));
            return 0;
        }
        // Turning the flag off is right whatever is stored, so it never waits for anybody to look first.
        long? expected = version ?? (change.State == FlagState.Off ? null : stored.Version);
        try
        {
            FlagView after = await flag.SetAsync(
                change.State,
                change.Percentage,
                options["reason"] ?? "",
                Actor.CommandLine,
                expected
            );
            await output.WriteLineAsync(Words(after));
            return 0;
        }
        catch (FlagOvertakenException overtaken)
        {
            await output.WriteLineAsync($"nothing is changed: {Story(overtaken.Stored)}");
            return Overtaken;
        }
        catch (RefusedException refused)
        {
            throw new ConfigurationException(Name, $"is refused: {refused.Refusal.Message}");
        }
    }

    /// <returns>The state that the flag is to have; null if it is only to be shown.</returns>
    private static (FlagState, int)? Parse(string[] args) =>
        args switch
        {
            ["show", ..] => null,
            ["off", ..] => (FlagState.Off, 0),
            ["on", ..] => (FlagState.On, 0),
            ["percent", var text, ..]
                when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int percentage) => (
                FlagState.Percentage,
                percentage
            ),
            _ => throw new ConfigurationException(Name, "must be followed by show, off, on, or percent and a number."),
        };

    private static long? VersionOf(string? text) =>
        text is null ? null
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long version) ? version
        : throw new ConfigurationException("version", "must be a number.");

    private static async Task<FlagView> ReadAsync(ExternalCommitsFlag flag)
    {
        try
        {
            return await flag.ReadAsync(CancellationToken.None);
        }
        catch (InvalidOperationException)
        {
            throw new ConfigurationException(
                "ConnectionStrings:Default",
                "names a database without a flag: start the host on it once."
            );
        }
    }

    private static string Words(FlagView view) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"external_commits_enabled is {(view.State == FlagState.Percentage ? "on for " : "")}{view.Words}, "
                + $"version {view.Version}"
        );

    /// <summary>The state, and who made it so, when and why.</summary>
    private static string Story(FlagView view) =>
        $"{Words(view)}, since {Time(view)} by {Line(view.Actor)}: {Line(view.Reason)}";

    private static string Time(FlagView view) =>
        view.ChangedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>What a person wrote, on one line and without characters that command a terminal.</summary>
    private static string Line(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
