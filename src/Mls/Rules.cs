using System.Reflection;

namespace MlsConsole.Mls;

/// <summary>
/// All rules that this library checks. Each part of this class stands beside the code that its rules belong to.
/// </summary>
public static partial class Rules
{
    /// <summary>All rules by their <see cref="Rule.Id"/>.</summary>
    public static IReadOnlyDictionary<string, Rule> All => s_all.Value;

    // The dictionary is made lazily, because the static fields in the other parts of this class may be initialised
    // after this field.
    private static readonly Lazy<IReadOnlyDictionary<string, Rule>> s_all = new(() =>
        typeof(Rules)
            .GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(Rule))
            .Select(field => (Rule)field.GetValue(null)!)
            .ToDictionary(rule => rule.Id)
    );
}
