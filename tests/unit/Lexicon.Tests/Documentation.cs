using System.Reflection;
using System.Runtime.CompilerServices;

namespace MlsConsole.Lexicon.Tests;

public class Documentation
{
    [Fact]
    public void Every_method_stands_in_the_page_about_calling_the_service()
    {
        string page = File.ReadAllText(Path.Combine(Folder(), "../../../docs/api.md"));
        string[] methods =
        [
            .. typeof(Lexicons)
                .GetProperties(BindingFlags.Public | BindingFlags.Static)
                .Select(method => ((Method)method.GetValue(null)!).Nsid.Split('.')[^1]),
        ];
        Assert.True(methods.Length > 30);
        Assert.All(methods, name => Assert.Matches($@"`{name}\b", page));
    }

    private static string Folder([CallerFilePath] string thisFile = "") => Path.GetDirectoryName(thisFile)!;
}
