using System.Runtime.InteropServices;
using MlsConsole.Fleet;

Options options;
try
{
    options = Options.Parse(args);
}
catch (Exception wrong) when (wrong is ArgumentException or UriFormatException)
{
    Console.Error.WriteLine($"{wrong.Message}\n\n{Options.Usage}");
    return 4;
}

using var stop = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

try
{
    await using var host = options.HostDll is { } dll
        ? await Host.Start(dll, options.PostgreSql, options.SlowMilliseconds, stop.Token)
        : null;
    var url = host?.Url ?? options.Url ?? new("http://127.0.0.1:5080");
    if (host is null)
        await Host.WaitUntilReady(url, () => true, stop.Token);
    await using var crowd = new Crowd(options, url, stop.Token);
    var report = await Progress.Show(crowd, () => Scenarios.Run(crowd, host));
    report.Write(Console.Out);
    if (options.Json is { } file)
        await File.WriteAllTextAsync(file, report.ToJson());
    return report.ExitCode;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;
}
catch (Exception failure) when (failure is InvalidOperationException or MlsConsole.Clients.MlsClientException)
{
    Console.Error.WriteLine(failure.Message);
    return 4;
}
