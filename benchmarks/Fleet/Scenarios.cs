namespace MlsConsole.Fleet;

/// <summary>What the fleet can do.</summary>
internal static class Scenarios
{
    public static async Task<Report> Run(Crowd crowd, Host? host)
    {
        try
        {
            switch (crowd.Options.Scenario)
            {
                case "demo": await Demo(crowd); break;
            }
        }
        catch (Exception) when (crowd.Stop.IsCancellationRequested)
        {
            // Asked for, or a breach that the report names.
        }
        return Report.Of(crowd);
    }

    /// <summary>For ever.</summary>
    private static async Task Demo(Crowd crowd)
    {
        await crowd.Gather();
        crowd.Stage = "demo";
        using var life = new Life(crowd, Temper.Gentle);
        await life.Run(crowd.Stop);
    }
}
