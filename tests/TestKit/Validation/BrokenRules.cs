using System.Reflection;

namespace MlsConsole.TestKit;

/// <summary>Finds the cases of a test assembly.</summary>
public static class BrokenRules
{
    /// <summary>All cases with their classes. A class with cases that nothing runs is an error.</summary>
    public static IReadOnlyList<(Type Class, Broken Case)> In(Assembly tests)
    {
        var found = new List<(Type, Broken)>();
        foreach (
            var type in tests
                .GetTypes()
                .Where(type => type.IsClass && typeof(IBreaksRules).IsAssignableFrom(type))
                .OrderBy(type => type.Name, StringComparer.Ordinal)
        )
        {
            Assert.True(
                type.BaseType == typeof(Breaking<>).MakeGenericType(type),
                $"{type.Name} does not run its cases."
            );
            var cases =
                (IReadOnlyList<Broken>)
                    type.GetProperty(nameof(IBreaksRules.Cases), BindingFlags.Public | BindingFlags.Static)!
                        .GetValue(null)!;
            Assert.Equal(cases.Count, cases.Select(item => item.Title).Distinct().Count());
            found.AddRange(cases.Select(item => (type, item)));
        }
        return found;
    }
}
