using MlsConsole.TestKit;
using SharpFuzz;

// Fuzz seeds DIR                   writes a scene and the seeds of every target
// Fuzz targets                     prints their names
// Fuzz instrument DLL              counts branches in an assembly, in place: not in the one that runs this
// Fuzz TARGET SCENE                under afl-fuzz: takes inputs from it
// Fuzz TARGET SCENE FILE...        gives files to a target and says what came of them
switch (args)
{
    case ["seeds", var folder]:
        using (var seeds = FuzzSeeds.Create())
            seeds.WriteTo(folder);
        return 0;
    case ["targets"]:
        foreach (string name in FuzzTargets.Names)
            Console.WriteLine(name);
        return 0;
    case ["instrument", var assembly]:
        int types = Fuzzer.Instrument(assembly, _ => true, Options.Value).Count();
        Console.WriteLine($"{types} types of {Path.GetFileName(assembly)} count their branches");
        return types > 0 ? 0 : 1;
    case [var target, var scene] when FuzzTargets.Names.Contains(target):
        BeforeInputs.CountNowhere();
        using (var targets = new FuzzTargets(FuzzScene.Load(File.ReadAllBytes(scene))))
        {
            Fuzzer.OutOfProcess.Run(stream =>
            {
                using var input = new MemoryStream();
                stream.CopyTo(input);
                targets.Accepts(target, input.ToArray());
            });
        }
        return 0;
    case [var target, var scene, .. var files] when FuzzTargets.Names.Contains(target):
        using (var targets = new FuzzTargets(FuzzScene.Load(File.ReadAllBytes(scene))))
            foreach (string file in files)
                Console.WriteLine(
                    $"{file}: {(targets.Accepts(target, File.ReadAllBytes(file)) ? "accepted" : "refused")}"
                );
        return 0;
    default:
        await Console.Error.WriteLineAsync("Fuzz seeds DIR | targets | instrument DLL | TARGET SCENE [FILE...]");
        return 2;
}

/// <summary>
/// Gives instrumented code a map of branches to write to from its first call on. The map of afl-fuzz is there only from
/// the first input on.
/// </summary>
internal static unsafe class BeforeInputs
{
    private const int MapLength = 1 << 16;

    public static void CountNowhere() =>
        SharpFuzz.Common.Trace.SharedMem = (byte*)System.Runtime.InteropServices.NativeMemory.AllocZeroed(MapLength);
}
