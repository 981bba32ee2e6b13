using System.Reflection;

namespace MlsConsole.Mls;

/// <summary>Every rule that this library checks. The rules of each chapter stand beside the code of that chapter.</summary>
public static partial class Rules
{
    /// <summary>All rules, by <see cref="Rule.Id"/>.</summary>
    public static IReadOnlyDictionary<string, Rule> All => s_all.Value;

    // Lazy: static fields of the other parts of this class may be set after this one.
    private static readonly Lazy<IReadOnlyDictionary<string, Rule>> s_all = new(() =>
        typeof(Rules)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(Rule))
            .Select(field => (Rule)field.GetValue(null)!)
            .ToDictionary(rule => rule.Id)
    );
}
