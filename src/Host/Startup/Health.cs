namespace MlsConsole.Host;

internal static class Health
{
    /// <summary><c>/health/live</c>: the process answers.</summary>
    public static void MapHealth(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/health/live", static () => Results.Text("live"));
}
