using System.Text.Json;

namespace MlsConsole.E2e;

/// <summary>
/// A client that AT Protocol's own tools generate from <c>lexicons/</c> calls every method; each answer is validated
/// against its lexicon, each refusal is a declared one.
/// </summary>
public sealed class ContractTests(HostFixture fixture) : IClassFixture<HostFixture>
{
    [SkippableFact]
    public async Task A_generated_client_calls_every_method_of_the_lexicons()
    {
        TsClient.Require();
        var result = (await TsClient.Run("contract", "--url", fixture.Host.Url.ToString()))[^1];
        var methods = Directory
            .GetFiles(Path.Combine(Repository.Root, "lexicons", "blue", "catbird", "mls"), "*.json")
            .Where(IsMethod)
            .Select(Path.GetFileNameWithoutExtension)
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            methods,
            result
                .GetProperty("methods")
                .EnumerateArray()
                .Select(method => method.GetString())
                .Order(StringComparer.Ordinal)
        );
    }

    private static bool IsMethod(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        return document.RootElement.GetProperty("defs").TryGetProperty("main", out _);
    }
}
