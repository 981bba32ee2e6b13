using System.Globalization;
using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;
using MlsConsole.Host.Duties;

namespace MlsConsole.Host.Startup;

internal static class Health
{
    /// <summary>
    /// For so long the relay of events may fail before the host is not ready. A host without the relay tells its
    /// subscribers nothing, so it should get none. The time is several times the longest pause between two tries, so
    /// that a failure that passes takes no host out.
    /// </summary>
    internal static readonly TimeSpan RelayPatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Maps <c>/health/live</c>, which answers as long as the process does, and <c>/health/ready</c>, which answers 200
    /// if requests can be served: the database answers and has the schema of this version, and events are relayed. The
    /// text of <c>/health/ready</c> lists all duties with their last success. Another duty that fails makes no host
    /// unready: one bad row in the database would take every host out.
    /// </summary>
    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/health/live", static () => Results.Text("live"));
        endpoints.MapGet(
            "/health/ready",
            static async (
                Database database,
                IEnumerable<Duty> duties,
                TimeProvider clock,
                ILoggerFactory loggers,
                CancellationToken cancellation
            ) =>
            {
                List<Duty> all = [.. duties];
                string? problem =
                    await ProblemOfAsync(database, loggers, cancellation) ?? ProblemOfRelay(all, clock.GetUtcNow());
                return Results.Text(
                    TextOf(problem, all),
                    statusCode: problem is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable
                );
            }
        );
    }

    /// <returns>Null if events are relayed.</returns>
    internal static string? ProblemOfRelay(IEnumerable<Duty> duties, DateTimeOffset now) =>
        now - duties.OfType<EventRelayDuty>().Single().LastSuccessOrStart > RelayPatience
            ? "events are not relayed"
            : null;

    /// <summary>The verdict in the first line, then a line for each duty.</summary>
    internal static string TextOf(string? problem, IEnumerable<Duty> duties) =>
        string.Join('\n', [problem is null ? "ready" : $"not ready: {problem}", .. duties.Select(LineOf)]);

    private static string LineOf(Duty duty) =>
        duty.LastSuccess is { } last
            ? string.Create(CultureInfo.InvariantCulture, $"{duty.Name}: last success {last:yyyy-MM-ddTHH:mm:ssZ}")
            : $"{duty.Name}: no success yet";

    private static async Task<string?> ProblemOfAsync(
        Database database,
        ILoggerFactory loggers,
        CancellationToken cancellation
    )
    {
        try
        {
            await using MlsDbContext context = database.Read();
            bool current = !(await context.Database.GetPendingMigrationsAsync(cancellation)).Any();
            return current ? null : "the database has not the schema of this version";
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            loggers.CreateLogger("MlsConsole.Host.Health").LogError(exception, "The database does not answer");
            return "the database does not answer";
        }
    }
}
