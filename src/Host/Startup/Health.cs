using Microsoft.EntityFrameworkCore;
using MlsConsole.Core.Storage;

namespace MlsConsole.Host.Startup;

internal static class Health
{
    /// <summary>
    /// <c>/health/live</c>: the process answers. <c>/health/ready</c>: the database answers and has the schema
    /// of this version, so requests can be served.
    /// </summary>
    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/health/live", static () => Results.Text("live"));
        endpoints.MapGet(
            "/health/ready",
            static async (Database database, ILoggerFactory loggers, CancellationToken cancellation) =>
            {
                try
                {
                    await using MlsDbContext context = database.Read();
                    bool current = !(await context.Database.GetPendingMigrationsAsync(cancellation)).Any();
                    return current
                        ? Results.Text("ready")
                        : NotReady("the database has not the schema of this version");
                }
                catch (Exception exception) when (!cancellation.IsCancellationRequested)
                {
                    loggers.CreateLogger("MlsConsole.Host.Health").LogError(exception, "The database does not answer");
                    return NotReady("the database does not answer");
                }
            }
        );
    }

    private static IResult NotReady(string reason) =>
        Results.Text($"not ready: {reason}", statusCode: StatusCodes.Status503ServiceUnavailable);
}
