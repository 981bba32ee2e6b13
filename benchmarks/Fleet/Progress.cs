using System.Globalization;
using Spectre.Console;

namespace MlsConsole.Fleet;

/// <summary>
/// Shows how a run goes: in a terminal by a table that is updated in its place, otherwise by a line whenever the stage
/// changes and every ten seconds.
/// </summary>
internal static class Progress
{
    public static async Task<T> Show<T>(Crowd crowd, Func<Task<T>> run)
    {
        var running = run();
        if (AnsiConsole.Profile.Capabilities.Interactive && !Console.IsOutputRedirected)
        {
            await AnsiConsole
                .Live(Table(crowd))
                .StartAsync(async live =>
                {
                    while (!running.IsCompleted)
                    {
                        live.UpdateTarget(Table(crowd));
                        await Task.WhenAny(running, Task.Delay(500));
                    }
                    live.UpdateTarget(Table(crowd));
                });
        }
        else
        {
            string said = "";
            for (int second = 0; !running.IsCompleted; second++)
            {
                if (crowd.Stage != said || second % 10 == 0)
                    Console.WriteLine(Line(crowd));
                said = crowd.Stage;
                await Task.WhenAny(running, Task.Delay(1000));
            }
        }
        return await running;
    }

    private static string Line(Crowd crowd)
    {
        var now = crowd.Statistics.Now();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{now.Seconds, 6:0} s  {crowd.Stage}: {crowd.Devices.Count} devices, {crowd.Rooms.Count} conversations, "
                + $"{crowd.Ledger.Messages} messages, {crowd.Ledger.Deliveries} deliveries, "
                + $"{now.Joined} of {now.Rejoins} rejoins, {now.Mismatches} mismatches, "
                + $"P50 {now.P50:0} ms, P99 {now.P99:0} ms"
        );
    }

    private static Table Table(Crowd crowd)
    {
        var now = crowd.Statistics.Now();
        var table = new Table()
            .Title($"MlsConsole fleet: {Markup.Escape(crowd.Stage)}")
            .Border(TableBorder.Rounded)
            .AddColumn("")
            .AddColumn(new TableColumn("").RightAligned())
            .HideHeaders();
        void Row(string what, FormattableString value) =>
            table.AddRow(what, value.ToString(CultureInfo.InvariantCulture));
        Row("seconds", $"{now.Seconds:0}");
        Row("devices", $"{crowd.Devices.Count}");
        Row("conversations", $"{crowd.Rooms.Count}");
        Row("messages accepted", $"{crowd.Ledger.Messages:N0}");
        Row("messages delivered", $"{crowd.Ledger.Deliveries:N0}");
        Row("states compared", $"{crowd.Ledger.Compared:N0}");
        Row("rejoins", $"{now.Joined:N0} of {now.Rejoins:N0}");
        Row("epoch mismatches", $"{now.Mismatches:N0} of {now.ExternalCommits:N0}");
        Row("rejoin P50", $"{now.P50:0} ms");
        Row("rejoin P99", $"{now.P99:0} ms");
        foreach (var (act, count) in now.Acts)
            Row($"[grey]{act}[/]", $"{count:N0}");
        foreach (var (error, count) in now.Refusals)
            Row($"[yellow]{Markup.Escape(error)}[/]", $"{count:N0}");
        if (crowd.Ledger.Breach is { } breach)
            table.AddRow("[red]broken[/]", Markup.Escape(breach));
        return table;
    }
}
